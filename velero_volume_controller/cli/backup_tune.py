"""``vvc backup tune``: which settings of Velero would shorten a backup, and on demand sets them."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.api.words import span
from velero_volume_controller.backup.settings import (
    Edit,
    Unrecognised,
    managed_by,
    restore_arguments,
    restore_load,
    set_arguments,
    set_load,
)
from velero_volume_controller.backup.tuning import Tuning, tune
from velero_volume_controller.backup.work import PlanningError
from velero_volume_controller.backup.written import Written
from velero_volume_controller.cli.backup_asked import live_input, wanted_set
from velero_volume_controller.cli.backup_cluster import Where, ask, completed_names
from velero_volume_controller.cli.backup_faster import FLAGS, in_words, saving
from velero_volume_controller.cli.backup_given import described, spec_options
from velero_volume_controller.cli.options import cluster_options
from velero_volume_controller.cli.output import Paint, painter, print_lines, print_warnings, safe, width, wrap
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.kube.errors import KubeError

if TYPE_CHECKING:
    from velero_volume_controller.backup.write_settings import Found
    from velero_volume_controller.kube.client import Client

_NAMES: Final = ("backups", "workers", "load")
_SHARED: Final = (
    "Several volumes at a time share the disks and the network of their node, which the prediction does not"
    " know: see that they have room."
)

_EPILOG = """
\b
Examples:
  vvc backup tune                      what would be faster, and by how much
  vvc backup tune nightly              for a set that is there
  vvc backup tune --exclude kube-system --apply
                                       show the changes, ask, and make them
  vvc backup tune --undo               put back what was there before

\b
Only the arguments of Velero's Deployment and the node-agent's ConfigMap are
written; what was there is kept in annotations of theirs.
Exit status: 0; 1 the cluster is in the way, or Velero is at work; 2 the set can't
be planned as described, or Velero is installed in a way that is not recognised.
"""


@click.command("tune", epilog=_EPILOG, short_help="Find settings of Velero that would be faster.")
@click.argument("name", required=False, default="", shell_complete=completed_names)
@cluster_options
@spec_options
@click.option("--apply", "applied", is_flag=True, help="Make the changes, after showing and asking.")
@click.option("--undo", is_flag=True, help="Put back what was there before the first --apply.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def tune_command(
    command: click.Context, /, name: str, applied: bool, undo: bool, yes: bool, **given: Any
) -> int:
    """Say which of Velero's settings would shorten a BackupSet, and by how much.

    The set is the one called NAME, or described by a file or by options as for vvc backup
    create; without any it is of all namespaces. Its plan is simulated with other settings.
    Without --apply or --undo nothing is changed.
    """
    if applied and undo:
        raise click.UsageError("--apply and --undo: expected one of them, found both.")
    if undo:
        if name or given["file"] is not None or described(command):
            raise click.UsageError("--undo: puts back what was there, whatever set it was for. Name none.")
        where = Where(given["namespace"], given["kubeconfig"], given["context"])
        found = _found(where)
        edits = _undone(found)
    else:
        wanted = wanted_set(command, name)
        where = Where(wanted.namespace, given["kubeconfig"], given["context"])
        tuning, found = _tuned(where, wanted)
        edits = _edits(tuning, found, where.namespace)
        print_lines(_text(tuning, wanted, width()))
        if not applied:
            print_lines(_advice(tuning, found, where.namespace, width()))
    if not applied and not undo:
        return 0
    if not edits:
        print_lines(["Nothing was tuned here." if undo else "Nothing is to be changed."])
        return 0
    return _carry_out(where, found, edits, yes=yes)


def _tuned(where: Where, wanted: Written) -> tuple[Tuning, Found]:
    """Raises KubeError where there is no Velero, ConfigurationError for what can't be planned."""

    async def settings(client: Client, tuning: Tuning) -> Found:
        # Imported here: the Kubernetes library takes a second that --help need not wait for.
        from velero_volume_controller.backup.write_settings import find  # noqa: PLC0415

        return await find(client, where.namespace, tuning.lane.version)

    try:
        planned = live_input(where, wanted)
        if where.namespace not in {lane.namespace for lane in planned.lanes}:
            raise KubeError(f"there is no Velero in namespace {where.namespace}; name another with -n")
        tuning = tune(planned, where.namespace)
    except PlanningError as error:
        raise ConfigurationError(f"{error}.") from None
    return tuning, ask(where, lambda client: settings(client, tuning))


def _found(where: Where) -> Found:
    async def look(client: Client) -> Found:
        # Imported here, as above.
        from velero_volume_controller.backup.write_settings import find  # noqa: PLC0415
        from velero_volume_controller.velero.model.versions import NEWEST  # noqa: PLC0415

        return await find(client, where.namespace, NEWEST)

    return ask(where, look)


def _undone(found: Found) -> list[Edit]:
    """What puts back what was there. Raises ConfigurationError where that would do harm."""
    try:
        edits = [restore_load(found.config_map)] if found.config_map is not None else []
        edits.append(restore_arguments(found.deployment))
    except Unrecognised as error:
        raise ConfigurationError(f"{error}.") from None
    gone = next((edit for edit in edits if edit is not None and edit.deletes), None)
    if gone is not None and found.named:
        # pkg/cmd/cli/nodeagent/server.go, getConfigs: without it the node-agent ends at its start.
        raise ConfigurationError(
            f"ConfigMap {gone.namespace}/{gone.name}: would be deleted, and the node-agents, which are told"
            f" of it, would not start without it. Take --node-agent-configmap={gone.name} from DaemonSet"
            f" {gone.namespace}/{found.agent} first, when no Backup runs:"
            f" kubectl -n {gone.namespace} {_untold(found)}"
        )
    return [edit for edit in edits if edit is not None]


def _untold(found: Found) -> str:
    """kubectl's arguments that take the flag from the DaemonSet; a patch fails if it has changed since."""
    if not found.flag:
        return f"edit daemonset {found.agent}"
    value = f"--node-agent-configmap={found.config_name}"
    steps = [
        {"op": "test", "path": found.flag, "value": value},
        {"op": "remove", "path": found.flag},
    ]
    return f"patch daemonset {found.agent} --type=json -p '{json.dumps(steps)}'"


def _edits(tuning: Tuning, found: Found, namespace: str) -> list[Edit]:
    """The ConfigMap first: it disturbs nobody, while new arguments restart Velero."""
    flags = {FLAGS[name]: getattr(tuning.best.knobs, name) for name in tuning.alone if name in FLAGS}
    try:
        edits = [set_arguments(found.deployment, flags)] if flags else []
        if "load" in tuning.alone:
            load = tuning.best.knobs.load
            edits.insert(0, set_load(found.config_map, namespace, found.config_name, load))
    except Unrecognised as error:
        raise ConfigurationError(f"{error}.") from None
    return [edit for edit in edits if edit is not None]


def _text(tuning: Tuning, wanted: Written, columns: int) -> Iterator[str]:
    lane = tuning.lane
    settings = in_words(tuning.now.knobs, _NAMES)
    yield from wrap(f"Velero {lane.version} in {lane.namespace}: {settings}.", columns)
    whole = "a BackupSet of all namespaces" if wanted.spec == BackupSetSpec() else "this BackupSet"
    if wanted.name:
        whole = f"BackupSet {safe(wanted.name)}"
    yield from wrap(f"As it is, {whole} takes about {span(tuning.now.seconds)}.", columns)
    for note in tuning.notes:
        yield from wrap(safe(f"Note: {note}"), columns)
    yield ""
    if not tuning.alone:
        yield from wrap("No other settings make it shorter.", columns)
        return
    rows = [(in_words(trial.knobs, (name,)), trial) for name, trial in tuning.alone.items()]
    if len(rows) > 1:
        rows.append(("all of them together", tuning.best))
    gains = [saving(tuning, trial) for _, trial in rows]
    longest = max(len(said) for said, _ in rows)
    beside = longest + 4 + max(map(len, gains)) <= columns
    for (said, _), gain in zip(rows, gains, strict=True):
        yield from [f"  {said:<{longest}}  {gain}"] if beside else [f"  {said}", f"    {gain}"]
    yield ""


def _advice(tuning: Tuning, found: Found, namespace: str, columns: int) -> Iterator[str]:
    """What to set where, for whoever does it by hand."""
    if not tuning.alone:
        return
    flags = [in_words(tuning.best.knobs, (name,)) for name in tuning.alone if name in FLAGS]
    if flags:
        yield f"Deployment {namespace}/{safe(found.deployment['metadata']['name'])}, arguments:"
        yield from (f"  {flag}" for flag in flags)
    if "load" in tuning.alone:
        yield f"ConfigMap {namespace}/{safe(found.config_name)}:"
        yield f'  {{"loadConcurrency": {{"globalConfig": {tuning.best.knobs.load}}}}}'
        yield from wrap(_SHARED, columns)
        yield from _for_the_agent(found, namespace, columns)
    yield ""
    yield from wrap("vvc backup tune --apply makes the changes, --undo puts back what was there.", columns)


def _for_the_agent(found: Found, namespace: str, columns: int) -> Iterator[str]:
    """What makes the node-agent read its ConfigMap, which is left to a person: its volumes would fail."""
    if not found.agent:
        return
    if found.named:
        yield from wrap(
            "The node-agents read it when they start; when no Backup runs, restart them:", columns
        )
        yield f"  kubectl -n {namespace} rollout restart daemonset {found.agent}"
        return
    yield from wrap("The node-agents are told of no ConfigMap yet; when no Backup runs, tell them:", columns)
    # In a quoted word a line may end: this can be copied as it is.
    yield f"  kubectl -n {namespace} patch daemonset {found.agent} --type=json -p \\"
    yield '    \'[{"op": "add",'
    yield '      "path": "/spec/template/spec/containers/0/args/-",'
    yield f'      "value": "--node-agent-configmap={found.config_name}"}}]\''


def _carry_out(where: Where, found: Found, edits: list[Edit], *, yes: bool) -> int:
    manager = managed_by(found.deployment)
    if manager is not None:
        print_warnings(
            (
                f"Velero is kept by {manager}, which puts its own settings back at its next turn; set them"
                " there, too.",
            )
        )
    print_lines(line for edit in edits for line in _diff(edit, painter()))
    loaded = any(edit.kind == "ConfigMap" and not edit.deletes for edit in edits)
    if loaded:
        print_lines(["", *wrap(_SHARED, width())])
    if any(edit.kind == "Deployment" for edit in edits):
        print_lines(["", "New arguments restart Velero."])
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("there is no terminal to ask on; add --yes if the changes are right.")
        click.confirm("Make these changes?", abort=True, err=True)

    async def do(client: Client) -> None:
        from velero_volume_controller.backup.write_settings import apply  # noqa: PLC0415

        await apply(client, edits)

    try:
        ask(where, do)
    except KubeError as error:
        raise KubeError(f"{error}. See what is done already: vvc backup tune") from None
    print_lines([f"{edit.kind} {edit.namespace}/{edit.name}: done." for edit in edits])
    if loaded:
        print_lines(_for_the_agent(found, where.namespace, width()))
    return 0


def _diff(edit: Edit, paint: Paint) -> Iterator[str]:
    """As ``diff -u`` shows it, all of it."""
    yield f"{edit.kind} {edit.namespace}/{safe(edit.name)}"
    before, after = edit.before.splitlines(), edit.after.splitlines()
    for line in difflib.ndiff(before, after):
        if not line.startswith("?"):
            colour = {"+": "green", "-": "red"}.get(line[0], "")
            yield paint(f"  {safe(line)}", colour)
