"""Our own shapes: frozen values that the other rooms hand to each other.

Nothing enters and nothing leaves: no I/O, nothing of ours is imported.
"""
