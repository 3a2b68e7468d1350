"""``vvc config``: check a configuration, print the schema, turn nine keys into the native format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from velero_volume_controller.api.configuration import Action, Ownership
from velero_volume_controller.cli.asking import Question, VeleroVersion, ask, called, load_configuration
from velero_volume_controller.cli.output import counted, print_json, print_warnings, safe
from velero_volume_controller.config import ConfigurationError, Loaded, load_text
from velero_volume_controller.config.convert import as_native
from velero_volume_controller.config.source import read_text
from velero_volume_controller.config.write_native import write
from velero_volume_controller.dumps.documents import ADVICE
from velero_volume_controller.manager.settings import ConfigMap
from velero_volume_controller.policy import VolumeDecision
from velero_volume_controller.policy.equivalence import Difference, differences
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.versions import NEWEST, Version

#: What the user wrote can't be used, and: the decisions would change.
_EXIT_WRONG: Final = 2
_EXIT_CHANGES: Final = 1


@click.group(short_help="Check and convert configurations.")
def config() -> None:
    """Check a configuration, print the JSON Schema, or turn the nine keys into the native format."""


_VALIDATE_EPILOG = """
\b
Examples:
  vvc config validate config.yml
  vvc config validate rules/*.yaml -o json | jq '.files[] | select(.valid | not)'
  kubectl -n velero get cm velero-volume-controller -o jsonpath='{.data.config\\.yml}' \\
    | vvc config validate -

\b
Exit status: 0 every file can be used; 2 one of them can't.
"""


@config.command(epilog=_VALIDATE_EPILOG, short_help="Check configurations of either format.")
@click.argument("files", nargs=-1, required=True, metavar="FILE|-...")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json tells of every file on standard output.",
)
def validate(files: tuple[str, ...], output: str) -> int:
    """Check configurations and say everything that is wrong with them, with file, line and key.

    Reads both formats; - is standard input. Warnings do not make a file wrong.
    """
    told = []
    for file in files:
        loaded: Loaded | None = None
        problems: tuple[str, ...] = ()
        try:
            loaded = load_configuration(file)
        except ConfigurationError as error:
            problems = error.problems
        told.append(_told(file, loaded, problems))
        if output == "text":
            _print_verdict(file, loaded, problems)
    if output == "json":
        print_json({"files": told})
    return 0 if all(each["valid"] for each in told) else _EXIT_WRONG


def _format(loaded: Loaded) -> str:
    return "native" if loaded.native else "nine keys"


def _told(file: str, loaded: Loaded | None, problems: tuple[str, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {"file": file, "valid": loaded is not None}
    if loaded is not None:
        told |= {"format": _format(loaded), "rules": len(loaded.configuration.rules)}
    return told | {"errors": problems, "warnings": loaded.warnings if loaded is not None else ()}


def _print_verdict(file: str, loaded: Loaded | None, problems: tuple[str, ...]) -> None:
    for problem in problems:
        click.echo(f"Error: {safe(problem)}", err=True)
    if loaded is not None:
        print_warnings(loaded.warnings)
        rules = counted(len(loaded.configuration.rules), "rule")
        click.echo(f"{safe(called(file))}: valid ({_format(loaded)}, {rules})")


_SCHEMA_EPILOG = """
\b
Example:
  vvc config schema > controllerconfig.schema.json
"""


@config.command(epilog=_SCHEMA_EPILOG, short_help="Print the native format's JSON Schema.")
def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of the native format, for editors and other programs."""
    # Imported here: msgspec builds it from the format's definition, which other commands need not wait for.
    from velero_volume_controller.config.schema import schema as made  # noqa: PLC0415

    print_json(made())


_CONVERT_EPILOG = """
\b
Examples:
  kubectl get pods,pvc,pv,ns,sc -A -o json > dump.json
  vvc config convert config.yml --objects dump.json > native.yml
  vvc config convert config.yml --live > native.yml
  vvc config convert config.yml --ownership legacy --objects dump.json --allow-changes > native.yml

\b
Exit status: 0 the document is printed; 1 decisions would change, or the cluster
is in the way; 2 the configuration or the objects can't be used.
"""


@dataclass(frozen=True, slots=True)
class _Conversion:
    """The options of ``convert`` by their names."""

    file: Path
    objects: str | None
    live: bool
    kubeconfig: Path | None
    context: str | None
    ownership: str
    velero_version: Version | None
    allow_changes: bool

    @property
    def on_cluster(self) -> bool:
        """Whether a cluster is to be asked."""
        return self.live or self.kubeconfig is not None or self.context is not None


@config.command(epilog=_CONVERT_EPILOG, short_help="Turn the nine keys into the native format.")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--objects",
    metavar="FILE|-",
    help="Prove that no decision changes on what `kubectl get pods,pvc,pv,ns,sc -A -o json` prints.",
)
@click.option("--live", is_flag=True, help="Prove it on the cluster.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="The cluster's kubeconfig; means --live.")
@click.option("--context", help="The context of the kubeconfig to use; means --live.")
@click.option(
    "--ownership",
    type=click.Choice([ownership.value for ownership in Ownership]),
    default=Ownership.PROTECT.value,
    show_default=True,
    help="How the nine keys are in use now; the document says the same.",
)
@click.option(
    "--velero-version",
    type=VeleroVersion(),
    help="The Velero whose abilities count. Not given: with --live the tag of the image of Deployment "
    f"velero, else {NEWEST}.",
)
@click.option("--allow-changes", is_flag=True, help="Print the document even if decisions change.")
def convert(**given: Any) -> int:
    """Print a native configuration that says what the nine keys in FILE say.

    With --objects or --live every pod's decision is compared. If one changes, it is
    listed and nothing is printed.
    """
    conversion = _Conversion(**given)
    if conversion.on_cluster and conversion.objects is not None:
        raise click.UsageError("--objects and --live: expected one of them, found both.")
    # Read once: of a pipe nothing would be left.
    written = read_text(conversion.file)
    before = load_text(written, str(conversion.file), Ownership(conversion.ownership))
    if before.native:
        raise ConfigurationError(
            f"{conversion.file}:1: is of the native format already. Give a file of nine keys."
        )
    print_warnings(before.warnings)
    native, notes = as_native(before.configuration)
    made = f"Made from {safe(str(conversion.file))} by vvc config convert."
    text = write(native, [made, *notes])
    if not conversion.on_cluster and conversion.objects is None:
        click.echo("Not proven: give --objects or --live to compare the decision on every pod.", err=True)
    elif not _proven(conversion, written, before, text) and not conversion.allow_changes:
        click.echo("No document is printed. To accept the changes, add --allow-changes.", err=True)
        return _EXIT_CHANGES
    click.echo(text, nl=False)
    return 0


def _proven(conversion: _Conversion, written: str, before: Loaded, text: str) -> bool:
    """Whether no decision changes on the objects asked about. Says how many there are, and what changes."""
    # What is compared is what will be printed, read back.
    after = load_text(text, f"the native form of {conversion.file}").configuration
    # In protect mode everything is read that native rules look at.
    asked = load_text(written, str(conversion.file), Ownership.PROTECT)
    question = Question(
        config=conversion.file,
        config_map=ConfigMap("velero", "velero-volume-controller"),
        objects=conversion.objects,
        kubeconfig=conversion.kubeconfig,
        context=conversion.context,
        ownership=None,
        velero_version=conversion.velero_version,
    )
    seen = ask(question, loaded=asked)
    if conversion.objects is not None and not seen.pods:
        name = called(conversion.objects)
        raise ConfigurationError(f"{name}: the objects hold no Pods, so nothing is proven. {ADVICE}.")
    print_warnings(tuple(warning for warning in seen.warnings if warning not in before.warnings))
    pods = [each.pod for each in seen.pods]
    found = list(differences(pods, seen.surroundings, before.configuration, after))
    for line in _comparison(pods, found):
        click.echo(line, err=True)
    return not found


def _comparison(pods: list[Pod], found: list[Difference]) -> Iterator[str]:
    volumes = sum(len(pod.spec.volumes) for pod in pods)
    what = f"{counted(len(pods), 'pod')} with {counted(volumes, 'volume')}"
    if not found:
        yield f"Compared {what}: every decision is the same."
        return
    yield f"Compared {what}: {counted(len(found), 'pod')} would be decided differently."
    for difference in found:
        metadata = difference.pod.metadata
        name = safe(f"{metadata.namespace}/{metadata.name}")
        for before, after in difference.volumes:
            yield f"  {name} {safe(before.name)}: {_word(before)} → {_word(after)}: {safe(after.reason)}"


def _word(decision: VolumeDecision) -> str:
    return Action.BACKUP.value if decision.backup else Action.SKIP.value
