"""velero-volume-controller: a companion that stands beside Velero.

What enters is a cluster and a configuration; what leaves are pods annotated so
that Velero's file-system backup takes exactly the volumes the rules name.
"""

__version__ = "0.1.0"
