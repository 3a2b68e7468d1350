"""Which BackupSet ``create`` and ``plan`` speak of: one in a file, or one that options describe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, TypeVar

import click
import msgspec
from click.core import ParameterSource

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.api.selector_text import parse_selector
from velero_volume_controller.backup.contradictions import contradictions
from velero_volume_controller.backup.render import check_template
from velero_volume_controller.backup.work import PlanningError
from velero_volume_controller.backup.written import API_VERSION, KIND, Written
from velero_volume_controller.cli.asking import called, read_text
from velero_volume_controller.cli.options import names, without_nothing
from velero_volume_controller.config.document import compose
from velero_volume_controller.config.tree import Path, grow
from velero_volume_controller.dumps.documents import scalar
from velero_volume_controller.dumps.typed import typed

Command = TypeVar("Command", bound=Callable[..., Any])

#: Where each option's value stands in the object; the longest that fits says which option is wrong.
_PLACES: Final[dict[str, Path]] = {
    "NAME": ("metadata", "name"),
    "--namespaces": ("spec", "selection", "namespaces", "include"),
    "--exclude": ("spec", "selection", "namespaces", "exclude"),
    "--selector": ("spec", "selection", "namespaces", "selector"),
    "--template": ("spec", "template"),
    "--ttl": ("spec", "template", "ttl"),
    "--storage-location": ("spec", "template", "storageLocation"),
    "--together": ("spec", "together"),
    "--first": ("spec", "first"),
    "--isolate": ("spec", "isolate"),
    "--max-shards": ("spec", "maxShards"),
    "--max": ("spec", "concurrency", "max"),
    "--per-node": ("spec", "concurrency", "perNode"),
    "--lane": ("spec", "lanes"),
    "--retries": ("spec", "retry", "limit"),
    "--backoff": ("spec", "retry", "backoff"),
    "--deadline": ("spec", "deadline"),
    "--window": ("spec", "window"),
    "--time-zone": ("spec", "window", "timeZone"),
}

#: Fields of Velero's BackupSpec that options of their own stand for.
_INSTEAD: Final = {"includedNamespaces": "--namespaces", "excludedNamespaces": "--exclude"}

_SPEC_OPTIONS: Final = (
    click.option(
        "-f",
        "--file",
        metavar="FILE|-",
        help="A BackupSet as YAML or JSON; - is standard input. Then none of the options below.",
    ),
    click.option(
        "--namespaces",
        multiple=True,
        metavar="NAMES",
        help="Namespaces, joined by commas or one an option; * is any run of characters. "
        "All namespaces unless given.",
    ),
    click.option(
        "--exclude", multiple=True, metavar="NAMES", help="Namespaces, likewise, that are left out."
    ),
    click.option(
        "--selector",
        metavar="LABELS",
        help="Only namespaces with these labels, as kubectl takes them: app=shop,'tier in (db,cache)',!tmp.",
    ),
    click.option("--no-cluster-resources", is_flag=True, help="No Backup of the cluster-scoped resources."),
    click.option("--ttl", metavar="DURATION", help="How long Velero keeps the Backups, as 720h."),
    click.option(
        "--storage-location", metavar="NAME", help="The BackupStorageLocation; Velero's default unless given."
    ),
    click.option(
        "--template",
        multiple=True,
        metavar="KEY=VALUE",
        help="Any other field of Velero's BackupSpec, as defaultVolumesToFsBackup=true or "
        "resourcePolicy='{kind: configmap, name: mine}'. May be repeated.",
    ),
    click.option(
        "--together",
        multiple=True,
        metavar="NAMES",
        help="Namespaces that must be in one Backup, as shop,shop-db.",
    ),
    click.option("--first", multiple=True, metavar="NAMES", help="Namespaces that go before all others."),
    click.option(
        "--isolate", multiple=True, metavar="NAMES", help="Namespaces that get a Backup of their own."
    ),
    click.option("--max-shards", type=int, help="Backups at most; four for each slot unless given."),
    click.option(
        "--lane",
        "lanes",
        multiple=True,
        metavar="NAMESPACE[=SLOTS]",
        help="A Velero that takes Backups of the set, and how many at a time. May be repeated. "
        "The one in the set's namespace unless given.",
    ),
    click.option("--max", "most", metavar="auto|N", help="Backups at the same time, in all lanes."),
    click.option("--per-node", metavar="auto|N", help="Volumes at the same time on one node."),
    click.option("--retries", type=int, help="How often a Backup that failed is made anew; 2 unless given."),
    click.option("--backoff", metavar="DURATION", help="The wait before the first retry; 1m unless given."),
    click.option(
        "--deadline", metavar="DURATION", help="So long after the begin, no Backup is started any more."
    ),
    click.option(
        "--window", metavar="START-END", help="The hours in which Backups are started, as 22:00-05:30."
    ),
    click.option("--time-zone", metavar="ZONE", help="Whose hours these are, as Europe/Berlin; else UTC."),
    click.option("--paused", is_flag=True, help="Start nothing before vvc backup resume."),
)

#: The parameters of the options that describe a set.
_DESCRIBING: Final = (
    *("namespaces", "exclude", "selector", "no_cluster_resources", "ttl", "storage_location", "template"),
    *("together", "first", "isolate", "max_shards", "lanes", "most", "per_node", "retries", "backoff"),
    *("deadline", "window", "time_zone", "paused"),
)


def spec_options(command: Command) -> Command:
    """Add the options that describe a set to a command, in this order, before its own."""
    for option in reversed(_SPEC_OPTIONS):
        command = option(command)
    return command


def described(context: click.Context) -> bool:
    """Whether any option describes a set."""
    default = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    return any(context.get_parameter_source(name) not in default for name in _DESCRIBING)


def written_set(context: click.Context, name: str) -> Written:
    """The set that the command line describes; ``name`` may be empty, its namespace is never.

    Raises ConfigurationError for a file, click.UsageError for options.
    """
    given = context.params
    namespace, chosen = given["namespace"], context.get_parameter_source("namespace")
    if given["file"] is None:
        written = _from_options(given, name)
    elif described(context):
        raise click.UsageError("--file describes the whole set; write the other options' values into it.")
    else:
        # Imported here: the schema and its library take a fifth of a second that others need not wait for.
        from velero_volume_controller.backup.read_set import read_set  # noqa: PLC0415

        written = read_set(*read_text(given["file"], "--file"))
        if name and written.name not in {"", name}:
            raise click.UsageError(
                f"NAME: the file names the set {written.name}, the command line {name}. Leave one out."
            )
        if written.namespace and chosen is ParameterSource.DEFAULT:
            namespace = written.namespace
        elif written.namespace not in {"", namespace}:
            raise click.UsageError(
                f"--namespace: the file says {written.namespace}, the option {namespace}. Leave one out."
            )
    lanes = [lane.namespace for lane in written.spec.lanes]
    if lanes and namespace not in lanes:
        where = "--lane" if given["file"] is None else f"{called(given['file'])}: spec.lanes"
        raise click.UsageError(
            f"{where}: names {', '.join(lanes)} and not {namespace}, where the set would be. A set has to"
            " be beside one of its lanes: make it there with -n, or name that lane too."
        )
    return replace(written, name=name or written.name, namespace=namespace)


def _from_options(given: dict[str, Any], name: str) -> Written:
    # Imported here, as above.
    from velero_volume_controller.backup.read_set import problems  # noqa: PLC0415
    from velero_volume_controller.backup.render import unknown_fields  # noqa: PLC0415

    data = {"apiVersion": API_VERSION, "kind": KIND, "spec": _spec(given)}
    if name:
        data["metadata"] = {"name": name}
    _refuse(problems(data))
    spec = msgspec.convert(data["spec"], BackupSetSpec)
    try:
        check_template(spec)
    except PlanningError as error:
        key, _, what = str(error).removeprefix("spec.template.").partition(" ")
        raise click.UsageError(f"{_option((*_PLACES['--template'], key))}: {what}.") from None
    _refuse(contradictions(spec))
    warnings = tuple(f"--template {key}: {what}" for key, what in unknown_fields(spec.template))
    return Written(spec, name, warnings=warnings)


def _refuse(wrong: Iterable[tuple[Path, str]]) -> None:
    """Raises click.UsageError with a line for each, if there is any."""
    told = [f"{_option(path)}: {what}" for path, what in wrong]
    if told:
        raise click.UsageError("\n".join(told))


def _spec(given: dict[str, Any]) -> dict[str, Any]:
    """What the options say, as the object has it; what no option speaks of is left out."""
    namespaces = {
        "include": names(given["namespaces"]),
        "exclude": names(given["exclude"]),
        "selector": _selector(given["selector"]),
    }
    selection: dict[str, Any] = {"namespaces": without_nothing(namespaces)}
    if given["no_cluster_resources"]:
        selection["clusterResources"] = False
    template = {"ttl": given["ttl"], "storageLocation": given["storage_location"]}
    spec = {
        "selection": without_nothing(selection),
        "template": without_nothing({**dict(map(_field, given["template"])), **without_nothing(template)}),
        "together": [names([group]) for group in given["together"]],
        "first": names(given["first"]),
        "isolate": names(given["isolate"]),
        "maxShards": given["max_shards"],
        "concurrency": without_nothing(
            {"max": _number(given["most"]), "perNode": _number(given["per_node"])}
        ),
        "lanes": [_lane(lane) for lane in given["lanes"]],
        "retry": without_nothing({"limit": given["retries"], "backoff": given["backoff"]}),
        "deadline": given["deadline"],
        "window": _window(given["window"], given["time_zone"]),
        "paused": given["paused"] or None,
    }
    return without_nothing(spec)


def _selector(text: str | None) -> dict[str, Any] | None:
    try:
        return None if text is None else parse_selector(text)
    except ValueError as error:
        raise click.UsageError(f"--selector: {error}.") from None


def _field(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.UsageError(
            f"--template: expected KEY=VALUE such as snapshotVolumes=false, found {text!r}."
        )
    if key in _INSTEAD:
        raise click.UsageError(f"--template {key}: is the plan's to say. Give {_INSTEAD[key]}.")
    if value[:1] not in {"{", "["}:
        return key, scalar(value, plain=True)
    where = f"--template {key}"
    root, _ = compose(value, where)
    return key, None if root is None else typed(grow(root, where, frozenset()).data, root)


def _lane(text: str) -> dict[str, Any]:
    namespace, equals, slots = text.partition("=")
    return {"namespace": namespace, "slots": _number(slots)} if equals else {"namespace": namespace}


def _number(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else text


def _window(text: str | None, zone: str | None) -> dict[str, Any] | None:
    if text is None:
        if zone is not None:
            raise click.UsageError("--time-zone: is of --window, which is missing. Give both.")
        return None
    start, dash, end = text.partition("-")
    if not dash:
        raise click.UsageError(f"--window: expected START-END such as 22:00-05:30, found {text!r}.")
    return without_nothing({"start": start.strip(), "end": end.strip(), "timeZone": zone})


def _option(path: Path) -> str:
    """The option whose value stands there, or around there."""
    fitting = [option for option, place in _PLACES.items() if path[: len(place)] == place]
    option = max(fitting, key=lambda option: len(_PLACES[option]), default=".".join(map(str, path)))
    return f"{option} {path[2]}" if option == "--template" and len(path) > 2 else option
