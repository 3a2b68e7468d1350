"""How long it takes to clear away many objects, beside `kubectl delete` of the same."""
