"""What text and page of a report say alike. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.api.words import amount, counted, span
from velero_volume_controller.restore.prediction import seconds_of
from velero_volume_controller.restore.report import (
    Because,
    Report,
    VolumeLine,
    phase_seconds,
)
from velero_volume_controller.restore.undoing import by_hand
from velero_volume_controller.velero.model.backups import COMPLETED, RESTORABLE

#: Heads of tables; columns of numbers are set right.
VOLUMES: Final = ("volume", "claim", "how", "state", "written", "backed up")
VOLUME_NUMBERS: Final = frozenset({4, 5})
RESTORES: Final = ("Restore", "Backup", "phase", "took", "errors", "warnings")
RESTORE_NUMBERS: Final = frozenset({3, 4, 5})


def title(report: Report) -> str:
    """Which run."""
    what = "Rehearsal" if report.rehearsal is not None else "CleanRestore"
    return f"{what} {report.namespace}/{report.name}"


def verdict(report: Report) -> str:
    """What came of it, in one sentence."""
    if report.whole:
        return "All of it is as it was backed up."
    incomplete = [f"Restore {each.name} is {each.phase}" for each in report.incomplete]
    number = len(report.differences) + report.cut.get("differences", 0)
    told = [f"{counted(number, 'difference')} to the backup"] if number else []
    return f"{'; '.join([*told, *incomplete])}."


def source(report: Report) -> str:
    """From what, into what."""
    mapped = [name if name == target else f"{name} as {target}" for name, target in report.namespaces.items()]
    what = "Backup" if len(report.backups) == 1 else "Backups"
    where = "namespace" if len(mapped) == 1 else "namespaces"
    how = "scratch, removed again" if report.rehearsal is not None else f"scope {report.scope}"
    return f"{what} {', '.join(report.backups)} into {where} {', '.join(mapped)} ({how})"


def figures(report: Report) -> Iterator[tuple[str, str, bool]]:
    """A figure, what it counts, and whether all is there of it."""
    found = report.summary
    there = found.objects - found.missing
    yield f"{there:,} of {found.objects:,}", "objects are there", not found.missing
    yield (
        f"{found.volumes_done:,} of {found.volumes:,}",
        "volumes came back",
        found.volumes_done >= found.volumes,
    )
    yield (
        f"{found.claims_bound:,} of {found.claims:,}",
        "claims are bound",
        found.claims_bound >= found.claims,
    )
    yield f"{found.pods_ready:,} of {found.pods:,}", "pods are ready", found.pods_ready >= found.pods
    yield amount(found.bytes), "were written", True


def times(report: Report) -> Iterator[tuple[str, str]]:
    """Each phase, and the two sums that count."""
    for step in report.phases:
        if step.phase.value != "AwaitingApproval":
            yield step.phase.value, span(phase_seconds(step, report.made))
    yield from _data(report)
    if report.rehearsal is not None:
        # A real restore clears away before, which is not in it.
        ready = report.rehearsal.ready_seconds
        told = "not known, for not all were" if ready is None else span(ready)
        yield "from the first Restore until all pods were ready (RTO)", told
        return
    yield "since it was approved", span(report.from_approval)
    if report.stilled:
        yield "since workloads were stilled (RTO)", span(report.stilled)


def volume_row(line: VolumeLine) -> tuple[str, ...]:
    """As ``VOLUMES`` heads it."""
    files = line.how == "files"
    expected = "not known" if line.expected is None else amount(line.expected)
    return (
        line.volume,
        line.claim or "none",
        line.how,
        line.state if line.done or not files else f"{line.state} !",
        amount(line.bytes) if files else "",
        expected if files else "",
    )


def restore_rows(report: Report) -> Iterator[tuple[str, ...]]:
    """As ``RESTORES`` heads them."""
    for each in report.restores:
        took = ""
        if each.started and each.ended:
            took = span(max(0.0, seconds_between(each.started, each.ended)))
        yield each.name, each.backup, each.phase, took, str(each.errors), str(each.warnings)


def groups(report: Report) -> Iterator[tuple[str, tuple[Because, ...], int]]:
    """What was deleted, kept, restored and left out: title, objects by reason, and how many those are."""
    for name, key, told in (
        ("Deleted", "deleted", report.deleted),
        ("Kept", "kept", report.kept),
        ("Restored", "restored", (report.restored,)),
        ("Rightly not there", "leftOut", report.left_out),
    ):
        number = sum(each.count for each in told) + report.cut.get(key, 0)
        if number:
            yield name, told, number


def _data(report: Report) -> Iterator[tuple[str, str]]:
    seconds = report.data_seconds
    if seconds is None:
        # A report of before it was counted.
        seconds = seconds_of(each for each in report.restores if not each.superseded)
    took = "not known" if seconds is None else span(seconds)
    yield "from the first Restore until the data was in place", took
    if report.predicted_seconds is not None:
        yield "predicted for that", span(report.predicted_seconds)


def way_back(report: Report) -> Iterator[str]:
    """How what was there before comes back, in sentences."""
    if report.rehearsal is not None:
        yield "Nothing that existed was touched, so there is nothing to undo."
        if report.rehearsal.retained:
            names = ", ".join(report.rehearsal.retained)
            yield f"These PersistentVolumes stay, for their StorageClass retains them: {names}."
        return
    undo = report.undo
    if undo is None:
        yield "There is no undo backup: what was deleted can't be brought back by this."
        return
    until = f", until it expires at {undo.expires}" if undo.expires else ""
    which = f"Backup {undo.namespace}/{undo.backup}"
    if undo.phase == COMPLETED:
        yield f"{which} holds what was there before; {undo.command} brings it back{until}."
    elif undo.phase in RESTORABLE:
        yield f"{which}, of what was there before, is {undo.phase}; {by_hand(undo.backup)}{until}."
    else:
        yield f"{which}, of what was there before, is {undo.phase}: it can't be brought back by this."
        return
    yield "What was written between that backup and the stilling of the workloads is in neither."
    if undo.uncovered:
        yield f"It does not have the data of {', '.join(undo.uncovered)}."


def left_off(report: Report) -> Iterator[str]:
    """What was cut so that the report could be kept."""
    for name, number in sorted(report.cut.items()):
        what = "entry" if number == 1 else "entries"
        yield f"{number:,} {what} of {name} left off, so that the report could be kept."
