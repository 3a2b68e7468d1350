"""``vvc restore``: the group. Each command has a module of its own."""

import click

from velero_volume_controller.cli.restore_plan import plan

_EPILOG = """
\b
Examples:
  vvc restore plan --contents backup.json --objects objects.json
                                 what would go, what stays, what is in the way
"""


@click.group(epilog=_EPILOG, short_help="Clear the ground for a Velero Restore, carefully.")
def restore() -> None:
    """Clear away what would keep a Velero Restore from bringing things back, and nothing else."""


for _command in (plan,):
    restore.add_command(_command)
