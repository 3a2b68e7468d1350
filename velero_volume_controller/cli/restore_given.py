"""What is to be restored, and what cleared away: a CleanRestore in a file, or what options say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from velero_volume_controller.api.cleanrestore import Clearing, Extras, Scope
from velero_volume_controller.api.selector_text import parse_selector
from velero_volume_controller.cli.asking import read_text
from velero_volume_controller.cli.options import names, without_nothing
from velero_volume_controller.config.tree import Path

Command = TypeVar("Command", bound=Callable[..., Any])

#: Where each option's value stands in the spec; the longest that fits says which option is wrong.
_PLACES: Final[dict[str, Path]] = {
    "NAME": ("metadata", "name"),
    "--from-set": ("spec", "source", "backupSet"),
    "--from-backup": ("spec", "source"),
    "--undo": ("spec", "undo"),
    "--allow-partial": ("spec", "allowPartial"),
    "--include-namespaces": ("spec", "namespaces", "include"),
    "--exclude-namespaces": ("spec", "namespaces", "exclude"),
    "--namespace-mapping": ("spec", "namespaceMapping"),
    "--scope": ("spec", "scope"),
    "--extras": ("spec", "extras"),
    "--allow-kind": ("spec", "allowKinds"),
    "--protect-namespace": ("spec", "protect", "namespaces"),
    "--protect-selector": ("spec", "protect", "selector"),
}
#: Keys of the spec in sentences that the plan says, longest first.
_KEYS: Final = {".".join(map(str, place)): option for option, place in _PLACES.items()}

_OPTIONS: Final = (
    click.option(
        "-f",
        "--file",
        metavar="FILE|-",
        help="A CleanRestore as YAML or JSON; - is standard input. Then none of the options below.",
    ),
    click.option(
        "--scope",
        type=click.Choice([each.value for each in Scope]),
        help="volumes: the pods and claims whose data comes back, and the workloads that own those pods. "
        "resources: what the backup holds. namespace: all that is in its namespaces. "
        "resources unless given.",
    ),
    click.option(
        "--extras",
        type=click.Choice([each.value for each in Extras]),
        help="What becomes of objects that the backup does not hold; keep unless given.",
    ),
    click.option(
        "--include-namespaces",
        multiple=True,
        metavar="NAMES",
        help="Namespaces of the backup, joined by commas or one an option; * is any run of characters. "
        "All unless given.",
    ),
    click.option(
        "--exclude-namespaces",
        multiple=True,
        metavar="NAMES",
        help="Namespaces, likewise, that are left out.",
    ),
    click.option(
        "--namespace-mapping",
        multiple=True,
        metavar="FROM:TO",
        help="A namespace of the backup that comes back under another name. May be repeated.",
    ),
    click.option(
        "--allow-kind",
        "allow_kinds",
        multiple=True,
        metavar="KIND.GROUP",
        help="Custom resources that may be deleted though they have finalizers, as "
        "Certificate.cert-manager.io: their operator may then delete what lies outside the cluster. "
        "May be repeated.",
    ),
    click.option(
        "--protect-namespace",
        "protect_namespaces",
        multiple=True,
        metavar="NAMES",
        help="Namespaces in which nothing is deleted; * is any run of characters.",
    ),
    click.option(
        "--protect-selector",
        metavar="LABELS",
        help="Objects that are never deleted, as kubectl takes labels: app=shop,'tier in (db,cache)',!tmp.",
    ),
)

#: The parameters of the options that say what a spec would.
_DESCRIBING: Final = (
    *("scope", "extras", "include_namespaces", "exclude_namespaces", "namespace_mapping"),
    *("allow_kinds", "protect_namespaces", "protect_selector"),
)


def spec_options(command: Command) -> Command:
    """Add the options that describe a CleanRestore to a command, in this order, before its own."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def described(context: click.Context, more: Iterable[str] = ()) -> bool:
    """Whether any option says what a file would, or any of these parameters is given."""
    default = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    return any(context.get_parameter_source(name) not in default for name in (*_DESCRIBING, *more))


def wanted(context: click.Context) -> Clearing:
    """What is asked for. Raises ConfigurationError for a file and click.UsageError for options."""
    # Imported here: the schema and its library take a fifth of a second that --help need not wait for.
    from velero_volume_controller.restore.read_restore import read_clearing, read_restore  # noqa: PLC0415

    given = context.params
    if given["file"] is not None:
        if described(context):
            raise click.UsageError("--file says what is wanted; write the other options' values into it.")
        return read_restore(*read_text(given["file"], "--file")).spec
    found = read_clearing(said(given))
    if isinstance(found, Clearing):
        return found
    raise click.UsageError("\n".join(f"{option_at(path)}: {what}" for path, what in found))


def in_options(sentence: str) -> str:
    """What a plan says of keys of the spec, said of the options that stand for them."""
    for key in sorted(_KEYS, key=len, reverse=True):
        sentence = sentence.replace(key, _KEYS[key])
    return sentence


def said(given: dict[str, Any]) -> dict[str, Any]:
    """What the options say, as the object has it; what no option speaks of is left out."""
    namespaces = {
        "include": names(given["include_namespaces"]),
        "exclude": names(given["exclude_namespaces"]),
    }
    protect = {
        "namespaces": names(given["protect_namespaces"]),
        "selector": _selector(given["protect_selector"]),
    }
    return without_nothing(
        {
            "namespaces": without_nothing(namespaces),
            "namespaceMapping": dict(map(_pair, names(given["namespace_mapping"]))),
            "scope": given["scope"],
            "extras": given["extras"],
            "allowKinds": names(given["allow_kinds"]),
            "protect": without_nothing(protect),
        }
    )


def _pair(text: str) -> tuple[str, str]:
    source, colon, target = text.partition(":")
    if not colon:
        raise click.UsageError(
            f"--namespace-mapping: expected FROM:TO such as shop:shop-test, found {text!r}."
        )
    return source, target


def _selector(text: str | None) -> dict[str, Any] | None:
    try:
        return None if text is None else parse_selector(text)
    except ValueError as error:
        raise click.UsageError(f"--protect-selector: {error}.") from None


def option_at(path: Path) -> str:
    """The option whose value stands there, or around there."""
    fitting = [option for option, place in _PLACES.items() if path[: len(place)] == place]
    return max(fitting, key=lambda option: len(_PLACES[option]), default=".".join(map(str, path)))
