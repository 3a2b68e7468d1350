"""The lab: a real Kubernetes cluster with a real Velero on one machine, without Docker.

What enters is a Debian machine with root, Go and package registries; what leaves is a
kubeconfig. Everything it makes is ended or removed by `lab down`, except the caches.
"""
