"""The commands put together, and what each way of ending means to the shell."""

import errno
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from velero_volume_controller import __version__
from velero_volume_controller.cli import legacy_arguments
from velero_volume_controller.cli.backup import backup
from velero_volume_controller.cli.completion import completion
from velero_volume_controller.cli.config_commands import config
from velero_volume_controller.cli.explain import explain
from velero_volume_controller.cli.output import ReaderGone
from velero_volume_controller.cli.plan import plan
from velero_volume_controller.cli.restore import restore
from velero_volume_controller.cli.run import run
from velero_volume_controller.cli.test_rules import test_rules
from velero_volume_controller.cli.version import version
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.kube.errors import KubeError

#: The cluster, the network or this machine is in the way.
EXIT_ENVIRONMENT: Final = 1
#: The configuration or the arguments cannot be used.
EXIT_CONFIGURATION: Final = 2
#: Ended by Ctrl-C: 128 + SIGINT.
EXIT_INTERRUPTED: Final = 130
#: The reader of our output went away: 128 + SIGPIPE.
EXIT_BROKEN_PIPE: Final = 141

#: Standard output goes to a file, and that can't take any more. Elsewhere in the commands nothing is written
#: without a message of its own.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})

_EPILOG = """
\b
Examples:
  vvc run -c config.yml            annotate pods and run BackupSets until told to stop
  vvc plan -c new.yml              show what a configuration would change
  vvc explain shop/db-0            say why its volumes are, or are not, backed up
  vvc test rules/                  run the test cases beside a configuration
  vvc config validate new.yml      check one, of either format
  vvc backup plan                  show how Backups would run in parallel
  vvc backup create nightly        let the controller run them so
  vvc restore plan                 show what has to go before a restore, and what stays
  vvc restore apply                clear it away, restore, and verify, once it was approved
  vvc run --help                   every option
"""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="velero-volume-controller %(version)s")
def commands() -> None:
    """A companion to Velero: decides which volumes are backed up, and runs Backups in parallel."""


for _command in (run, plan, explain, test_rules, config, backup, restore, version, completion):
    commands.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status; never a traceback for what a user can cause."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal of another encoding can't show is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    program = Path(sys.argv[0]).name
    given = sys.argv[1:] if arguments is None else arguments
    translated = legacy_arguments.translate(program, given)
    for flag in translated.dropped:
        click.echo(f"Warning: -{flag} is ignored: logs always go to standard error.", err=True)
    try:
        result = commands.main(list(translated.arguments), prog_name="vvc", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code if isinstance(error, click.UsageError) else EXIT_ENVIRONMENT
    except ConfigurationError as error:
        return _complain(error, EXIT_CONFIGURATION)
    except KubeError as error:
        return _complain(error, EXIT_ENVIRONMENT)
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except (BrokenPipeError, ReaderGone):
        return EXIT_BROKEN_PIPE
    except OSError as error:
        return _lost(error)
    flushed = _flush()
    return result if isinstance(result, int) and not flushed else flushed


def _complain(error: Exception, status: int) -> int:
    click.echo(f"Error: {error}", err=True)
    return status


def _flush() -> int:
    """Notice a reader that went away, or a full disk, now rather than in the interpreter's last breath."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return _lost(error)
    return 0


def _lost(error: OSError) -> int:
    """Standard output can't be written: what is left in its buffer goes nowhere."""
    if not isinstance(error, BrokenPipeError) and error.errno not in _FULL:
        raise error
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return EXIT_BROKEN_PIPE
    click.echo(
        f"Error: standard output can't be written: {error.strerror}. Free some space, or write elsewhere.",
        err=True,
    )
    return EXIT_ENVIRONMENT
