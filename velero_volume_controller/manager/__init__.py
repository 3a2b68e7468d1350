"""One process of the controller: leadership, loops and health wired together.

In: Settings. Out: annotated pods, until SIGTERM; or a KubeError when nothing can work.
"""
