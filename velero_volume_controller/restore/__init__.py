"""CleanRestores: what has to go before a Restore, so that all of it comes back.

In: what Backups hold, and a cluster's live objects. Out: a plan that says of every object whether it is
deleted, kept, created or in the way, and why; and, once that is approved, running workloads with their data.
"""
