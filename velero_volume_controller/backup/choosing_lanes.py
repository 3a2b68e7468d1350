"""Which Velero takes which namespaces. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.backup.groups import Group
from velero_volume_controller.backup.work import Input, PlanningError
from velero_volume_controller.velero.model.installations import for_location
from velero_volume_controller.velero.model.lanes import Lane, StorageLocation


def usable_lanes(given: Input, notes: list[str]) -> tuple[Lane, ...]:
    """The lanes that the spec names and that take Backups now, each with the slots it may use.

    Raises PlanningError: LaneMissing, LanesShareStorage, LaneUnavailable.
    """
    location = given.spec.template.get("storageLocation")
    wanted = [
        for_location(lane, location if isinstance(location, str) else None) for lane in _named(given, notes)
    ]
    _refuse_shared_storage(wanted, location if isinstance(location, str) else None)
    healthy = [lane for lane in wanted if lane.problem is None]
    if not healthy:
        problems = "; ".join(lane.problem or "" for lane in wanted)
        raise PlanningError("LaneUnavailable", f"no Velero takes Backups now: {problems}")
    for lane in wanted:
        notes.extend(lane.notes)
        if lane.problem is not None:
            notes.append(f"Nothing is given to Velero in {lane.namespace}: {lane.problem}.")
    return tuple(_limited(lane, given.spec) for lane in healthy)


def _named(given: Input, notes: list[str]) -> list[Lane]:
    by_name = {lane.namespace: lane for lane in given.lanes}
    if not given.spec.lanes:
        if not given.namespace:
            names = sorted(by_name)
        elif given.namespace in by_name:
            names = [given.namespace]
        else:
            raise _missing(given.namespace, by_name, "where this set is, and spec.lanes names no other")
        if not names:
            raise PlanningError("LaneMissing", "no Velero was found; install one, or name it in spec.lanes")
        return [by_name[name] for name in names]
    chosen = []
    for choice in given.spec.lanes:
        lane = by_name.get(choice.namespace)
        if lane is None:
            raise _missing(choice.namespace, by_name, "spec.lanes names it")
        if choice.slots is not None and choice.slots > lane.slots:
            why = f"Velero {lane.version} runs {lane.slots} at a time"
            notes.append(
                f"spec.lanes gives {choice.namespace} {choice.slots} slots, and {why}: the rest would wait in"
                " its queue."
            )
        chosen.append(lane)
    return chosen


def _missing(name: str, there: Iterable[str], why: str) -> PlanningError:
    names = sorted(there)
    found = f"Velero was found in {', '.join(names)}" if names else "no Velero was found"
    return PlanningError("LaneMissing", f"no Velero runs in namespace {name} ({why}); {found}")


def _refuse_shared_storage(lanes: Sequence[Lane], location: str | None) -> None:
    """Two lanes on one bucket and prefix would sync, and collect, each other's Backups."""
    users: dict[tuple[str, str, str, str], str] = {}
    for lane in lanes:
        storage = lane.location(location)
        if storage is None or not storage.bucket:
            continue
        key = _place(storage)
        if key in users:
            prefix = f" and prefix {storage.prefix}" if storage.prefix else ""
            raise PlanningError(
                "LanesShareStorage",
                f"Velero in {users[key]} and in {lane.namespace} both store in bucket"
                f" {storage.bucket}{prefix} and would delete each other's Backups; give each a prefix of"
                " its own",
            )
        users[key] = lane.namespace


def _place(storage: StorageLocation) -> tuple[str, str, str, str]:
    return storage.provider.removeprefix("velero.io/"), storage.endpoint, storage.bucket, storage.prefix


def _limited(lane: Lane, spec: BackupSetSpec) -> Lane:
    asked = next((each.slots for each in spec.lanes if each.namespace == lane.namespace), None)
    slots = min(lane.slots, asked or lane.slots)
    if spec.concurrency.max != "auto":
        slots = min(slots, spec.concurrency.max)
    return msgspec.structs.replace(lane, slots=slots)


def spread(
    groups: Sequence[Group], lanes: Sequence[Lane], work: Callable[[Group], float], notes: list[str]
) -> dict[str, str]:
    """The lane of each group, by its name.

    A namespace stays where its repository, and so its increments, are, unless a lane has nothing yet: that
    one is new, and gets its share. The rest goes, largest first, where the least work waits for each slot.
    Where none has anything, all but the first are new.
    """
    healthy = {lane.namespace: lane for lane in lanes}
    loads = dict.fromkeys(healthy, 0.0)
    chosen: dict[str, str] = {}
    homeless: list[tuple[float, Group]] = []
    for group in groups:
        home = _home(group, healthy)
        if home is None:
            homeless.append((work(group), group))
        else:
            chosen[group.name] = home
            loads[home] += work(group)
    if not chosen:
        first = next(iter(healthy))
        chosen, homeless = {group.name: first for _, group in homeless}, []
        loads[first] = sum(map(work, groups))
    for new in [name for name in healthy if name not in chosen.values()]:
        _settle(new, groups, healthy, work, chosen, loads)
    for seconds, group in sorted(homeless, key=lambda each: (-each[0], each[1].name)):
        lane = min(healthy, key=lambda name: ((loads[name] + seconds) / healthy[name].slots, name))
        chosen[group.name] = lane
        loads[lane] += seconds
    moved = sorted(
        f"{each.name} from {each.lane} to {chosen[group.name]}"
        for group in groups
        for each in group.namespaces
        if each.lane is not None and each.lane != chosen[group.name]
    )
    if moved:
        more = f" and {len(moved) - 1} more" if len(moved) > 1 else ""
        notes.append(f"{moved[0]}{more} changes its Velero, so its next Backup moves all of its data.")
    return chosen


def _settle(
    new: str,
    groups: Iterable[Group],
    healthy: Mapping[str, Lane],
    work: Callable[[Group], float],
    chosen: dict[str, str],
    loads: dict[str, float],
) -> None:
    """Let a new lane take from others what waits less long there, up to its share.

    Node by node, in the order in which Velero comes to them: two lanes that read from one node at the same
    time share its network, and neither waits for the other.
    """
    slots = healthy[new].slots
    share = sum(map(work, groups)) * slots / sum(lane.slots for lane in healthy.values())
    for group in _by_node(groups, work):
        old, seconds = chosen.get(group.name), work(group)
        if old is None or (loads[new] + seconds) / slots >= loads[old] / healthy[old].slots:
            continue
        if loads[new] + seconds / 2 > share:
            continue
        chosen[group.name] = new
        loads[old] -= seconds
        loads[new] += seconds


def _by_node(groups: Iterable[Group], work: Callable[[Group], float]) -> list[Group]:
    """Those of which most volumes are on one node together, the largest of a node first."""
    nodes: dict[str, int] = {}
    at: dict[str, int] = {}
    for group in sorted(groups, key=lambda each: each.name):
        volumes = Counter(volume.node for each in group.namespaces for volume in each.volumes)
        node = min(volumes, key=lambda name: (-volumes[name], name), default="")
        at[group.name] = nodes.setdefault(node, len(nodes))
    return sorted(groups, key=lambda each: (at[each.name], -work(each), each.name))


def _home(group: Group, healthy: Mapping[str, Lane]) -> str | None:
    """The lane of most of its volumes."""
    votes: dict[str, int] = {}
    for namespace in group.namespaces:
        if namespace.lane in healthy and namespace.lane is not None:
            votes[namespace.lane] = votes.get(namespace.lane, 0) + len(namespace.volumes) + 1
    return min(votes, key=lambda name: (-votes[name], name)) if votes else None
