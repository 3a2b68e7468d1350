"""The annotator: pods in, annotations out.

In: the cluster's pods, as they change. Out: at most one PATCH for each pod whose
annotation is not what the configuration asks for.
"""
