"""Clusters as text: what ``kubectl get`` prints, for questions that are asked without a cluster.

In: JSON or YAML. Out: its Kubernetes objects, one by one, and those that decide about
volumes decoded. Pure.
"""
