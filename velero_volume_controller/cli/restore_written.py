"""Which CleanRestore ``plan`` and ``apply`` speak of: one in a file, or one that options describe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from velero_volume_controller.api.backupset import MAX_NAME
from velero_volume_controller.api.cleanrestore import Source, Undo
from velero_volume_controller.cli.asking import called, read_text
from velero_volume_controller.cli.options import names, without_nothing
from velero_volume_controller.cli.restore_given import described, option_at, said
from velero_volume_controller.restore.objects import API_VERSION, KIND
from velero_volume_controller.restore.written import WrittenRestore

Command = TypeVar("Command", bound=Callable[..., Any])

#: What is appended to the name of a Backup for the name of what restores it, as Velero's own client does.
_STAMP: Final = "-%Y%m%d%H%M%S"

_SOURCES: Final = (
    click.option("--from-set", metavar="NAME", help="Restore this BackupSet."),
    click.option(
        "--from-backup",
        "from_backups",
        multiple=True,
        metavar="NAMES",
        help="Restore this Backup of Velero's; several, joined by commas, are one restore point.",
    ),
    click.option(
        "--allow-partial",
        is_flag=True,
        help="Restore what there is of a PartiallyFailed Backup; what failed in it does not come back.",
    ),
)
_UNDO: Final = click.option(
    "--undo",
    type=click.Choice([each.value for each in Undo]),
    help="Whether what is deleted is backed up before. required: every claim with its data. required unless "
    "given.",
)
_PARAMETERS: Final = ("from_set", "from_backups", "allow_partial", "undo")


def source_options(command: Command) -> Command:
    """Add the options that say what is restored to a command, in this order, before its own."""
    for option in reversed(_SOURCES):
        command = option(command)
    return command


def undo_option(command: Command) -> Command:
    """Add ``--undo`` to a command."""
    return _UNDO(command)


def describes(context: click.Context) -> bool:
    """Whether a file or an option describes a CleanRestore."""
    given = [name for name in _PARAMETERS if name in context.params]
    return context.params["file"] is not None or described(context, given)


def written_restore(context: click.Context, name: str) -> WrittenRestore:
    """The CleanRestore that the command line describes, under a name and in a namespace.

    Raises ConfigurationError for a file and click.UsageError for options.
    """
    given = context.params
    namespace = given["namespace"]
    if given["file"] is None:
        written = _from_options(given, name)
    elif described(context, [name for name in _PARAMETERS if name in given]):
        raise click.UsageError("--file says what is wanted; write the other options' values into it.")
    else:
        # Imported here: the schema and its library take a fifth of a second that others need not wait for.
        from velero_volume_controller.restore.read_restore import read_restore  # noqa: PLC0415

        written = read_restore(*read_text(given["file"], "--file"))
        if name and written.name not in {"", name}:
            raise click.UsageError(
                f"NAME: {called(given['file'])} names the CleanRestore {written.name}, the command line"
                f" {name}. Leave one out."
            )
        chosen = context.get_parameter_source("namespace")
        if written.namespace and chosen is ParameterSource.DEFAULT:
            namespace = written.namespace
        elif written.namespace not in {"", namespace}:
            raise click.UsageError(
                f"--namespace: {called(given['file'])} says {written.namespace}, the option {namespace}."
                " Leave one out."
            )
    name = name or written.name or _named(written.spec.source)
    return replace(written, name=name, namespace=namespace)


def _from_options(given: dict[str, Any], name: str) -> WrittenRestore:
    # Imported here, as above.
    from velero_volume_controller.restore.read_restore import read_data  # noqa: PLC0415

    backups = names(given["from_backups"])
    if bool(backups) == (given["from_set"] is not None):
        found = "both" if backups else "none"
        raise click.UsageError(
            f"--from-set and --from-backup: expected one of them, found {found}. What there is: vvc backup"
            " list, and velero backup get; CleanRestores, which go by their NAME: vvc restore list."
        )
    source: dict[str, Any] = {"backupSet": given["from_set"]}
    if backups:
        source = {"backup": backups[0]} if len(backups) == 1 else {"backups": backups}
    spec = {
        **said(given),
        **without_nothing({"undo": given.get("undo"), "allowPartial": given["allow_partial"] or None}),
        "source": without_nothing(source),
    }
    metadata = {"name": name} if name else {}
    made = read_data({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec})
    if isinstance(made, WrittenRestore):
        return made
    raise click.UsageError("\n".join(f"{option_at(path)}: {what}" for path, what in made))


def _named(source: Source) -> str:
    """A name that nobody has taken yet, from that of what is restored."""
    stamp = datetime.now(UTC).strftime(_STAMP)
    restored = source.backup_set or source.backup or source.backups[0]
    return restored[: MAX_NAME - len(stamp)].rstrip("-.") + stamp
