"""Tests of a configuration: objects in, expected decisions beside them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from velero_volume_controller.annotate.preview import PodPreview, preview
from velero_volume_controller.api.configuration import Action, Configuration, Ownership
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.dumps.documents import Item
from velero_volume_controller.dumps.objects import Objects
from velero_volume_controller.policy import Step, VolumeDecision
from velero_volume_controller.velero.model.versions import Version


@dataclass(frozen=True, slots=True)
class Check:
    """One thing expected of one pod, and the line it stands on.

    ``what`` is ``value``, ``after`` or ``action``, or ``volumes`` or ``rules`` of the
    volume named ``volume``. ``expected`` None is no annotation, or no rule (the default).
    """

    pod: tuple[str, str]
    what: str
    expected: str | None
    line: int
    volume: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A test: these objects (``items``, or a file of them) should be decided so.

    ``ownership`` None is as the configuration says.
    """

    name: str
    file: str
    line: int
    items: tuple[Item, ...]
    objects_file: str | None
    ownership: Ownership | None
    velero: Version
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that does not hold, what is the case instead, and how that came about."""

    check: Check
    found: str | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A case that was tried. It has passed if nothing failed."""

    case: Case
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]


def judge(case: Case, objects: Objects, configuration: Configuration) -> Result:
    """Try a case.

    Raises ConfigurationError if it speaks of a pod or a volume that its objects do
    not hold: no configuration could ever make it pass. Nor may it pass by accident:
    an object that a rule asks about and that is not there is an error, too.
    """
    shown = preview(objects, configuration)
    pods = {(each.pod.metadata.namespace, each.pod.metadata.name): each for each in shown.pods}
    failures: list[Failure] = []
    for check in case.checks:
        previewed = pods.get(check.pod)
        if previewed is None:
            there = ("/".join(name) for name in pods)
            raise _absent(case, check, f"pod {'/'.join(check.pod)}", "the objects hold", there)
        failures.extend(_failures(case, check, previewed))
    return Result(case, tuple(failures), shown.warnings)


def _failures(case: Case, check: Check, previewed: PodPreview) -> Iterator[Failure]:
    decisions = previewed.decision.volumes
    if check.volume:
        volume = next((each for each in decisions if each.name == check.volume), None)
        if volume is None:
            there = (each.name for each in decisions)
            raise _absent(case, check, f"volume {check.volume}", f"pod {'/'.join(check.pod)} has", there)
        _see_all(case, check, (volume,))
        found = _decided(volume) if check.what == "volumes" else volume.rule
        if found != check.expected:
            yield Failure(check, found, volume.steps)
        return
    _see_all(case, check, decisions)
    plan = previewed.plan
    # An adoption leaves the annotation as it is: whoever expects none is right, too.
    found = {"value": plan.desired, "after": plan.after, "action": plan.action.value}[check.what]
    if check.expected not in ({found, previewed.action.value} if check.what == "action" else {found}):
        steps = (
            Step(f"volume {each.name}", each.backup, f"{_decided(each)}: {each.reason}") for each in decisions
        )
        yield Failure(check, found, tuple(steps))


def _see_all(case: Case, check: Check, volumes: Iterable[VolumeDecision]) -> None:
    """Raises ConfigurationError if a rule could not be decided for want of an object."""
    for volume in volumes:
        for step in volume.steps:
            if step.unknown:
                raise ConfigurationError(
                    f"{case.file}:{check.line}: case {case.name!r}: {step.asked} can't be decided for volume"
                    f" {volume.name} of pod {'/'.join(check.pod)}: {step.said}. Add it to the case's objects."
                )


def _decided(volume: VolumeDecision) -> str:
    return (Action.BACKUP if volume.backup else Action.SKIP).value


def _absent(case: Case, check: Check, what: str, where: str, there: Iterable[str]) -> ConfigurationError:
    names = ", ".join(sorted(there)) or "none"
    return ConfigurationError(
        f"{case.file}:{check.line}: case {case.name!r}: expected {what}, but {where} {names}."
    )
