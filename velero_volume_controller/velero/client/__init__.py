"""Asking a cluster about its Velero: a client goes in, shapes of ``velero.model`` come out."""
