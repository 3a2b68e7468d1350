"""The command line: arguments in, an exit status and words for a person out. No logic.

``main`` is the entry point of both console scripts, ``vvc`` and
``velero-volume-controller``.
"""

from velero_volume_controller.cli.main import main

__all__ = ["main"]
