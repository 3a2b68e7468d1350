"""What Velero is: in goes what the API server says, out comes what Velero would do with it.

``model`` is pure: shapes, the names of annotations, and which volumes Velero's
file-system backup can take.
"""
