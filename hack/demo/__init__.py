"""The demo: applications with real data, backed up, struck by a disaster, restored, and that undone.

What enters is a version of Velero; what leaves is a verdict, a table and an HTML report.
The end-to-end tests run the same story and ask about what it saw.
"""
