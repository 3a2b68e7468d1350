"""Whether all that the backup holds is there again, runs, and has its data. Pure.

``(plan, what the backup holds, what is found now) -> Findings``: the same of the same, whatever the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from velero_volume_controller.api.cleanrestore import Verified
from velero_volume_controller.api.words import counted
from velero_volume_controller.restore.contents import Contents
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.restore.run import most
from velero_volume_controller.restore.verify_found import Findings, Found, Warned
from velero_volume_controller.restore.verify_objects import State, judge
from velero_volume_controller.restore.verify_ready import readiness
from velero_volume_controller.restore.verify_scene import Scene, names, scene
from velero_volume_controller.restore.verify_volumes import volumes
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restored_files import Messages


def verify(plan: Plan, contents: Contents, found: Found) -> Findings:
    """Compare. What still waits is among the differences, too: it counts when the time for it is over."""
    where = scene(plan, contents, found)
    verdicts = {key: judge(where, key) for key in sorted(where.expected)}
    by_state: dict[State, list[Key]] = {state: [] for state in State}
    left_out: dict[str, list[Key]] = {}
    for key, verdict in verdicts.items():
        by_state[verdict.state].append(key)
        if verdict.state is State.LEFT_OUT:
            left_out.setdefault(verdict.text, []).append(key)
    data = volumes(where)
    ready = readiness(where, data.starved)
    said = [verdict.text for verdict in verdicts.values() if verdict.state is State.DIFFERENT]
    said += [*_untold(where, by_state[State.UNKNOWN]), *ready.differences, *data.differences]
    said += _errors(where, by_state[State.DIFFERENT], said)
    differences = tuple(sorted({text[:1].upper() + text[1:] for text in said}))
    there = [*by_state[State.THERE], *by_state[State.KEPT]]
    missing = [key for key in by_state[State.DIFFERENT] if where.live(key) is None]
    summary = Verified(
        objects=len(there) + len(by_state[State.DIFFERENT]),
        missing=len(missing),
        left_out=sum(map(len, left_out.values())) + len(by_state[State.UNKNOWN]),
        claims=ready.claims,
        claims_bound=ready.claims_bound,
        volumes=len(data.written),
        volumes_done=sum(1 for each in data.written if each.done),
        bytes=sum(each.bytes for each in data.written),
        pods=ready.pods,
        pods_ready=ready.pods_ready,
        differences=most(differences),
    )
    return Findings(
        summary,
        ready.waiting,
        differences,
        tuple(by_state[State.THERE]),
        tuple(by_state[State.KEPT]),
        {why: tuple(keys) for why, keys in sorted(left_out.items())},
        data.written,
        tuple(_warnings(where)),
        tuple(sorted({*contents.notes, *plan.notes, *ready.notes, *data.notes, *_files(where)})),
    )


def _untold(where: Scene, unknown: list[Key]) -> Iterator[str]:
    """In doubt it is said."""
    if unknown:
        what = counted(len(unknown), "pod or Job") if len(unknown) == 1 else f"{len(unknown):,} pods and Jobs"
        yield (
            f"{what} of the backup are not there, {unknown[0]} first; whether they had ended when they were"
            " backed up, which Velero leaves out, can't be told, for what it restored can't be read; see"
            f" {where.describe()}"
        )


def _files(where: Scene) -> Iterator[str]:
    for outcome in where.found.outcomes:
        if outcome.unread:
            yield outcome.unread


def _errors(where: Scene, different: list[Key], said: list[str]) -> Iterator[str]:
    """Errors of Velero's that no sentence about an object or a volume tells already."""
    told = [each.message for each in where.found.volumes if each.message]
    for outcome in where.found.outcomes:
        for place, text in _texts(outcome.results.errors):
            about = [key for key in different if not place or key.namespace == place]
            if any(names(text, key) for key in about) or any(text in other for other in said):
                continue
            if any(message in text for message in told if any(message in other for other in said)):
                continue
            scope = f" for namespace {place}" if place else ""
            yield f"Restore {outcome.restore.name} reports an error{scope}: {text}"


def _warnings(where: Scene) -> Iterator[Warned]:
    for outcome in where.found.outcomes:
        for place, text in _texts(outcome.results.warnings):
            yield Warned(outcome.restore.name, place, text)


def _texts(messages: Messages) -> Iterator[tuple[str, str]]:
    yield from (("", text) for text in messages.general)
    spaces: Mapping[str, tuple[str, ...]] = messages.namespaces
    for place, texts in sorted(spaces.items()):
        yield from ((place, text) for text in texts)
