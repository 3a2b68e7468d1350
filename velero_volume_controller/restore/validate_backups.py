"""Whether the Backups can be restored as a whole, and for long enough. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from velero_volume_controller.api.times import format_time, parse_duration, parse_time
from velero_volume_controller.restore.facts import Facts, Remark, Source
from velero_volume_controller.restore.run import few, most
from velero_volume_controller.restore.steps import Problem
from velero_volume_controller.velero.model.backups import COMPLETED, RESTORABLE

_PARTIAL: Final = "PartiallyFailed"


def restorable(facts: Facts) -> Iterator[Problem | Remark]:
    """Completed; in part only where that is allowed, and then with what is missing."""
    for source in facts.sources:
        backup = source.backup
        if backup is None:
            yield Problem("BackupMissing", f"Backup {source.name} is gone; choose another one")
        elif backup.phase not in RESTORABLE:
            yield Problem(
                "BackupNotRestorable",
                f"Backup {source.name} is in phase {backup.phase or 'New'}, and only a Completed one can be"
                " restored; choose another one",
            )
        elif backup.phase != COMPLETED:
            yield from _in_part(facts, source)


def _in_part(facts: Facts, source: Source) -> Iterator[Problem | Remark]:
    backup = source.backup
    assert backup is not None
    if source.results is None:
        told = "what failed in it could not be read; see velero backup describe --details"
    else:
        about = [*source.results.general]
        for namespace in sorted(facts.plan.targets):
            about += source.results.namespaces.get(namespace, ())
        # Who does without has to know what; who does not chooses another one.
        named = "; ".join(most(about)) if facts.spec.allow_partial else few(about)
        told = (
            f"what failed in it: {named}"
            if about
            else f"{backup.status.errors} errors, of which none is told of these namespaces"
        )
    if facts.spec.allow_partial:
        yield Remark(f"Backup {source.name} is {_PARTIAL}, and this does not come back: {told}")
    else:
        yield Problem(
            "BackupPartiallyFailed",
            f"Backup {source.name} is {_PARTIAL} ({told}); choose a Completed one, or set spec.allowPartial"
            " to do without",
        )


def lasting(facts: Facts) -> Iterator[Problem | Remark]:
    """Not expired before the Restores can have ended: Velero deletes an expired one while it is restored."""
    timeouts = facts.spec.timeouts
    end = facts.now + parse_duration(timeouts.clear) + parse_duration(timeouts.restore)
    for source in facts.sources:
        expiration = source.backup.status.expiration if source.backup is not None else None
        if expiration is not None and (at := parse_time(expiration)) <= end:
            yield Problem(
                "BackupExpires",
                f"Backup {source.name} expires at {format_time(at)}, and this run may take until"
                f" {format_time(end)} (spec.timeouts); choose a younger one, or shorter time-outs",
            )


def whole_volumes(facts: Facts) -> Iterator[Problem | Remark]:
    """Each volume of which the Backups have a record was taken in full."""
    failed: dict[str, str] = {}
    for lacking in facts.contents.lacking:
        if lacking.namespace in facts.plan.targets:
            failed[str(lacking)] = lacking.reason
    for taken in facts.taken:
        if taken.pod_namespace in facts.plan.targets and taken.phase != COMPLETED:
            claim, pod = taken.claim, f"volume {taken.volume} of Pod {taken.pod_namespace}/{taken.pod}"
            which = f"PersistentVolumeClaim {taken.pod_namespace}/{claim}" if claim else pod
            reason = taken.message or f"its PodVolumeBackup {taken.name} is {taken.phase or 'New'}"
            failed.setdefault(which, reason)
    told = [f"{which} ({reason})" for which, reason in sorted(failed.items()) if not _skipped(reason)]
    skipped = [f"{which} ({reason})" for which, reason in sorted(failed.items()) if _skipped(reason)]
    if skipped:
        yield Remark(f"the data of these volumes was left out of the backup: {few(skipped)}")
    if told and facts.spec.allow_partial:
        yield Remark(f"the backup does not have the data of {'; '.join(most(told))}")
    elif told:
        yield Problem(
            "VolumesIncomplete",
            f"the backup does not have the data of {few(told)}; choose another one, or set"
            " spec.allowPartial to do without",
        )


def _skipped(reason: str) -> bool:
    return reason.startswith("skipped: ")


#: Velero looks at a location every minute unless it is told otherwise (1.14 to 1.18, config.go).
_EVERY: Final = 60.0
#: A look may be late by some of them, for they are made one after the other. Seconds.
_LATE: Final = 300.0


def locations(facts: Facts) -> Iterator[Problem | Remark]:
    """The storage is there, can be read, and was looked at not long ago."""
    namespace = facts.velero.namespace
    known = {each.name: each for each in facts.velero.locations}
    for name in sorted({each.backup.storage_location for each in facts.sources if each.backup is not None}):
        which = f"BackupStorageLocation {namespace}/{name}"
        location = known.get(name)
        if location is None:
            yield Problem("StorageLocationMissing", f"{which}, where the backup is, is gone; make it again")
        elif not location.available:
            why = f": {location.message}" if location.message else ""
            yield Problem(
                "StorageLocationUnavailable", f"{which} is Unavailable{why}; see velero backup-location get"
            )
        else:
            yield from _looked_at(facts, name, which)


def _looked_at(facts: Facts, name: str, which: str) -> Iterator[Problem | Remark]:
    validation = next((each for each in facts.velero.validations if each.location == name), None)
    every = validation.every if validation is not None else None
    if every is None:
        every = facts.velero.validation_period(_EVERY)
    if every == 0:
        yield Remark(
            f"Velero never looks whether {which} can still be reached (its validationFrequency is 0)"
        )
        return
    if validation is None or validation.time is None:
        yield Problem(
            "StorageLocationNotValidated",
            f"Velero has not looked yet whether {which} can be reached; try again in a minute",
        )
        return
    at = parse_time(validation.time)
    if facts.now - at > timedelta(seconds=3 * every + _LATE):
        yield Problem(
            "StorageLocationNotValidated",
            f"Velero last looked at {format_time(at)} whether {which} can be reached, and should every"
            f" {every:g} s; see whether Velero's Pod works (kubectl -n {facts.velero.namespace} logs"
            " deployment/velero)",
        )
