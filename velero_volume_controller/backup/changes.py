"""What has happened between two looks at a BackupSet, a line for each: for logs and pipes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from velero_volume_controller.api.words import amount, counted, span
from velero_volume_controller.backup.views import SetView, ShardView
from velero_volume_controller.velero.model.backups import COMPLETED


def changes(before: SetView | None, after: SetView) -> Iterator[str]:
    """A line for each phase, shard, volume, failure and hold-up that is new; ``before`` None: for all.

    That the set has ended is the last of them, as a log's reader expects.
    """
    turned = before is None or before.phase != after.phase
    if turned and not after.over:
        yield _phase(after)
    known = {each.name: each for each in before.shards} if before else {}
    for shard in after.shards:
        yield from _shard(known.get(shard.name), shard)
    told = set(before.failures) if before else set()
    yield from (str(each) for each in after.failures if each not in told)
    said = {*before.notes, *before.missing} if before else set()
    yield from (each for each in after.notes if each not in said)
    yield from (f"missing: {each}" for each in after.missing if each not in said)
    if turned and after.over:
        yield _phase(after)


def _phase(view: SetView) -> str:
    name = f"BackupSet {view.namespace}/{view.name}"
    if view.over and view.started and view.ended:
        volumes = f"{view.volumes_done:,} of {counted(view.volumes_total, 'volume')}"
        return f"{name}: {view.phase}, {volumes}, {amount(view.done)}"
    if view.shards and not view.over:
        return f"{name}: {view.phase}, {counted(len(view.shards), 'shard')}, {span(view.predicted)} predicted"
    return f"{name}: {view.phase}"


def _shard(before: ShardView | None, shard: ShardView) -> Iterator[str]:
    if not shard.attempt:
        return
    # A Backup that failed has a line of its own among the failures.
    if before is None or (before.phase, before.backup) != (shard.phase, shard.backup):
        said = f"shard {shard.name}: {shard.phase}" + (f" ({shard.backup})" if shard.backup else "")
        if shard.phase == COMPLETED:
            said += f", {amount(shard.done)} in {span(shard.seconds)}"
        yield said
    known = {(each.namespace, each.pod, each.volume): each.phase for each in before.volumes} if before else {}
    for volume in shard.volumes:
        if (
            volume.phase == COMPLETED
            and known.get((volume.namespace, volume.pod, volume.volume)) != COMPLETED
        ):
            yield (
                f"volume {volume.volume} of {volume.namespace}/{volume.pod}: {volume.phase},"
                f" {amount(volume.done)} in {span(volume.seconds)}"
            )
