"""``vvc restore``: the group. Each command has a module of its own."""

import click

from velero_volume_controller.cli.restore_apply import apply
from velero_volume_controller.cli.restore_cancel import cancel
from velero_volume_controller.cli.restore_list import list_runs
from velero_volume_controller.cli.restore_plan import plan
from velero_volume_controller.cli.restore_rehearse import rehearse
from velero_volume_controller.cli.restore_report import report
from velero_volume_controller.cli.restore_status import status
from velero_volume_controller.cli.restore_undo import undo
from velero_volume_controller.cli.restore_watch import watch

_EPILOG = """
\b
Examples:
  vvc restore plan --from-set nightly --include-namespaces shop     what would go, what stays
  vvc restore apply back --from-set nightly --include-namespaces shop
  vvc restore status back                                           how far it is
  vvc restore undo back                                             take it back
  vvc restore rehearse --schedule nightly                           whether it could be, and how fast
"""


@click.group(epilog=_EPILOG, short_help="Clear the ground, restore, and prove it.")
def restore() -> None:
    """Restore by a CleanRestore: clear away what is in the way, and nothing else; restore; verify."""


for _command in (plan, apply, rehearse, list_runs, status, watch, report, cancel, undo):
    restore.add_command(_command)
