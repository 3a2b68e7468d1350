"""Hypothesis, on machines that others use too: no deadline for one example."""

from hypothesis import settings

settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")
