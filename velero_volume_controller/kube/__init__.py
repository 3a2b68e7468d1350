"""Talking to a Kubernetes API server; knows no Velero.

In: paths, bytes and where the server is. Out: bytes, events, leadership, and typed errors.
Every request of this program goes through here: time-outs, keepalive, retries, status checks, metrics.
"""
