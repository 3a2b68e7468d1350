"""What a CleanRestore did and what came of it, as one value: text, JSON and page say the same. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from velero_volume_controller.api.cleanrestore import (
    CleanRestoreStatus,
    RestorePhase,
    RunRestore,
    RunStep,
    Verified,
)
from velero_volume_controller.api.times import seconds_between
from velero_volume_controller.restore.planned import Action, Plan
from velero_volume_controller.restore.prediction import data_seconds
from velero_volume_controller.restore.steps import RunIdentity
from velero_volume_controller.restore.verify_found import Findings
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restore_runs import COMPLETED

#: What reads a report asks for it: a later one may have more.
FORMAT: Final = 1


class _Part(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """A report is read long after it was made: what is not known is passed over."""


class Because(_Part, frozen=True, kw_only=True):
    """Objects of which one thing is true. ``more``: so many others were left out of the list."""

    reason: str
    objects: tuple[str, ...] = ()
    more: int = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.objects) + self.more


class VolumeLine(_Part, frozen=True, kw_only=True):
    """A volume with data. ``expected``: bytes that were backed up, None if not known."""

    volume: str
    claim: str = ""
    how: str = ""
    state: str = ""
    bytes: int = 0
    expected: int | None = None
    done: bool = True


class WarningLine(_Part, frozen=True, kw_only=True):
    """Velero's own words."""

    restore: str
    where: str = ""
    text: str = ""


class UndoLine(_Part, frozen=True, kw_only=True):
    """The way back. ``uncovered`` are claims whose data it does not have."""

    backup: str
    namespace: str
    command: str
    phase: str = COMPLETED
    expires: str = ""
    uncovered: tuple[str, ...] = ()


class RehearsalLine(_Part, frozen=True, kw_only=True):
    """``ready_seconds`` are those from the first Restore until all pods were ready, None if they were not."""

    ready_seconds: float | None = None
    retained: tuple[str, ...] = ()


class Report(_Part, frozen=True, kw_only=True):
    """``from_approval`` and ``stilled`` are seconds until this report was made: since the plan was approved,
    and since workloads were first stilled, which is the RTO that users of the workloads see. ``data_seconds``
    are those from the first Restore until the data was in place, and ``predicted_seconds`` what the plan
    expected of them; None where it is not known.

    ``cut`` says of which lists so many entries were left out.
    """

    format: int = FORMAT
    name: str
    namespace: str
    uid: str = ""
    made: str
    plan_hash: str
    planned: str = ""
    backups: tuple[str, ...] = ()
    namespaces: Mapping[str, str] = {}
    scope: str = ""
    phases: tuple[RunStep, ...] = ()
    from_approval: float = 0.0
    stilled: float = 0.0
    data_seconds: float | None = None
    predicted_seconds: float | None = None
    summary: Verified
    restores: tuple[RunRestore, ...] = ()
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[WarningLine, ...] = ()
    volumes: tuple[VolumeLine, ...] = ()
    deleted: tuple[Because, ...] = ()
    kept: tuple[Because, ...] = ()
    restored: Because
    left_out: tuple[Because, ...] = ()
    undo: UndoLine | None = None
    rehearsal: RehearsalLine | None = None
    versions: Mapping[str, str] = {}
    cut: Mapping[str, int] = {}

    @property
    def whole(self) -> bool:
        """All is as it was backed up."""
        return not self.differences and not self.incomplete

    @property
    def incomplete(self) -> tuple[RunRestore, ...]:
        """Restores of which the last attempt did not complete."""
        last = {(each.namespace, each.backup): each for each in self.restores}
        return tuple(each for each in last.values() if each.phase != COMPLETED)


def make_report(
    owner: RunIdentity,
    status: CleanRestoreStatus,
    plan: Plan,
    findings: Findings,
    now: str,
    versions: Mapping[str, str],
) -> Report:
    """All of it; ``now`` is RFC 3339, UTC."""
    summary = msgspec.structs.replace(findings.summary, differences=[], report="")
    undo = status.undo
    return Report(
        name=owner.name,
        namespace=owner.namespace,
        uid=owner.uid,
        made=now,
        plan_hash=plan.hash,
        planned=(status.plan.made or "") if status.plan else "",
        backups=tuple(each.name for each in status.plan.backups) if status.plan else plan.backups,
        namespaces=dict(sorted(plan.targets.items())),
        scope=plan.wanted.scope.value,
        phases=tuple(status.steps),
        from_approval=_since(status.started, now),
        stilled=_since(_began(status.steps, RestorePhase.QUIESCING), now),
        data_seconds=data_seconds(status),
        predicted_seconds=status.plan.predicted_seconds if status.plan else None,
        summary=summary,
        restores=tuple(status.restores),
        differences=findings.differences,
        notes=(*status.remarks, *findings.notes),
        warnings=tuple(
            WarningLine(restore=each.restore, where=each.where, text=each.text) for each in findings.warnings
        ),
        volumes=tuple(
            VolumeLine(
                volume=each.volume,
                claim=each.claim,
                how=each.how,
                state=each.state,
                bytes=each.bytes,
                expected=each.expected,
                done=each.done,
            )
            for each in findings.volumes
        ),
        deleted=_planned(plan, Action.DELETE),
        kept=_planned(plan, Action.KEEP),
        restored=Because(reason="as they were backed up", objects=_texts(findings.restored)),
        left_out=tuple(
            Because(reason=why, objects=_texts(keys)) for why, keys in sorted(findings.left_out.items())
        ),
        undo=UndoLine(
            backup=undo.backup,
            namespace=undo.namespace,
            command=f"vvc restore undo {owner.name} --namespace {owner.namespace}",
            phase=undo.phase,
            expires=undo.expires or "",
            uncovered=tuple(f"{each.namespace}/{each.claim}" for each in undo.uncovered),
        )
        if undo is not None
        else None,
        versions=dict(sorted(versions.items())),
    )


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final = msgspec.json.Decoder(Report)


def encode_report(report: Report) -> bytes:
    """Canonical JSON: the same report gives the same bytes."""
    return _ENCODER.encode(report)


def decode_report(data: bytes) -> Report:
    """Raises msgspec.MsgspecError if it is none."""
    return _DECODER.decode(data)


def report_document(report: Report) -> Any:
    """For ``-o json``: plain values in the order in which they are told."""
    return msgspec.to_builtins(report)


def phase_seconds(step: RunStep, made: str) -> float:
    """How long a phase took; one that goes on, until the report was made."""
    return max(0.0, seconds_between(step.started, step.ended or made))


def _began(steps: Iterable[RunStep], phase: RestorePhase) -> str | None:
    return next((each.started for each in steps if each.phase is phase), None)


def _since(start: str | None, now: str) -> float:
    return max(0.0, seconds_between(start, now)) if start else 0.0


def _texts(keys: Sequence[Key]) -> tuple[str, ...]:
    return tuple(map(str, keys))


def _planned(plan: Plan, action: Action) -> tuple[Because, ...]:
    """The reasons that are told of most objects first."""
    by_reason: dict[str, list[Key]] = {}
    for each in plan.objects:
        if each.action is action:
            by_reason.setdefault(each.reason, []).append(each.key)
    grouped = (Because(reason=why, objects=_texts(keys)) for why, keys in by_reason.items())
    return tuple(sorted(grouped, key=lambda each: (-each.count, each.reason)))
