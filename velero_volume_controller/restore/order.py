"""What stands still first, and what is then deleted in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.ground import Ground
from velero_volume_controller.restore.planned import Planned, Quiesced


def quiescing(ground: Ground, deleted: Iterable[Planned]) -> tuple[Quiesced, ...]:
    """What writes no more before anything is deleted: first what starts others.

    A workload that another one scales is left to it. A DaemonSet can't be scaled: its pods go when it goes.
    Nor may a StatefulSet with ``persistentVolumeClaimRetentionPolicy.whenScaled: Delete``: its claims would
    go at once, with their data, before anybody could put it back (Kubernetes 1.34, stateful_pod_control.go).
    """
    found = []
    for each in deleted:
        live, kind = ground.find(each.key), kinds.of(each.key)
        assert live is not None, "what is deleted is live"
        owner = ground.relations.owner(live)
        if kind == kinds.CRON_JOB or (kind == kinds.JOB and not live.ended):
            found.append(Quiesced(each.key, "suspend"))
        elif live.claims_go:
            continue
        elif kind in kinds.SCALED and (owner is None or kinds.of(owner.key) not in kinds.SCALED):
            found.append(Quiesced(each.key, "scale"))
    return tuple(sorted(found, key=lambda each: (kinds.clearing_rank(each.key), each.key)))


def clearing(deleted: Iterable[Planned]) -> tuple[Planned, ...]:
    """What is deleted by itself; the rest goes with it."""
    alone = (each for each in deleted if each.by is None)
    return tuple(sorted(alone, key=lambda each: (kinds.clearing_rank(each.key), each.key)))
