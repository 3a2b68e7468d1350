"""``vvc backup``: the group. Each command has a module of its own."""

import click

from velero_volume_controller.cli.backup_create import create
from velero_volume_controller.cli.backup_delete import delete
from velero_volume_controller.cli.backup_import import import_sets
from velero_volume_controller.cli.backup_list import list_sets
from velero_volume_controller.cli.backup_plan import plan
from velero_volume_controller.cli.backup_status import status
from velero_volume_controller.cli.backup_steer import pause, resume, retry
from velero_volume_controller.cli.backup_tune import tune_command
from velero_volume_controller.cli.backup_watch import watch

_EPILOG = """
\b
Examples:
  vvc backup plan --namespaces 'shop-*'       what would run where, and how long it takes
  vvc backup create nightly --wait            back everything up, in parallel
  vvc backup watch nightly                    look on
  vvc backup tune                             which settings of Velero would be faster
"""


@click.group(epilog=_EPILOG, short_help="Run many Velero Backups as one restore point.")
def backup() -> None:
    """Run many Velero Backups in parallel as one restore point, a BackupSet, and look after it."""


for _command in (
    plan,
    create,
    list_sets,
    status,
    watch,
    retry,
    pause,
    resume,
    delete,
    import_sets,
    tune_command,
):
    backup.add_command(_command)
