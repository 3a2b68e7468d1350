"""``vvc explain``: every rule that was looked at, what it said, and what decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import click

from velero_volume_controller.annotate import explanation
from velero_volume_controller.annotate.explanation import Kind, Owner, Target
from velero_volume_controller.annotate.plan import PlanAction
from velero_volume_controller.annotate.preview import PodPreview, Preview
from velero_volume_controller.cli.asking import Question, ask, options
from velero_volume_controller.cli.output import (
    Paint,
    painter,
    print_json,
    print_lines,
    print_warnings,
    safe,
    width,
    wrap,
)
from velero_volume_controller.cli.plan import counts, diff
from velero_volume_controller.policy import VolumeDecision

_EPILOG = """
\b
Examples:
  vvc explain shop/db-0                       a pod, by the live configuration
  vvc explain pod/db-0 -n shop -c new.yml     by one that is not live yet
  vvc explain pvc/data-db-0 -n shop           every pod that uses the claim
  vvc explain ns/shop                         all its pods, in short
  vvc explain shop/db-0 -c new.yml --objects dump.json -o json

\b
In the list of what was looked at, an arrow (→) marks what decided.
Exit status: 0; 1 the cluster is in the way; 2 there is no such thing, or the
configuration or the objects can't be used.
"""

#: What would be done, in words.
_DONE: Final = {
    PlanAction.ADD: "it is added",
    PlanAction.UPDATE: "it is changed",
    PlanAction.REMOVE: "it is removed",
    PlanAction.ADOPT: "it stays, and a marker makes it ours",
    PlanAction.FOREIGN: "it is left alone",
    PlanAction.NONE: "nothing is to be done",
}

_WHOSE: Final = {
    Owner.NOBODY: "nobody's",
    Owner.OURS: "ours",
    Owner.ADOPTABLE: "ours soon",
    Owner.FOREIGN: "someone else's",
    Owner.NOT_ASKED: "not asked",
}


@click.command(epilog=_EPILOG, short_help="Say why a volume is, or is not, backed up.")
@click.argument("what", metavar="[KIND/]NAME")
@click.option("-n", "--namespace", help="Where it is. Not given: wherever there is one of that name.")
@options
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form."
)
def explain(what: str, namespace: str | None, output: str, **shared: Any) -> None:
    """Say why the volumes of a pod, a PVC or a namespace are, or are not, backed up.

    KIND is pod, pvc or namespace; without it NAME is a pod's, and NAMESPACE/NAME will do.
    Shows every rule that was looked at, whose the annotation is, what would be done,
    and what Velero then does. Changes nothing.
    """
    try:
        asked = explanation.target(what, namespace)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    shown = ask(Question(**shared), asked.namespace)
    try:
        pods = explanation.subjects(shown, asked)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if output == "json":
        print_json(explanation.document(shown, asked, pods))
    else:
        print_lines(_text(shown, asked, pods, width(), painter()))
    print_warnings(shown.warnings)


def _text(
    shown: Preview, asked: Target, pods: tuple[PodPreview, ...], columns: int, paint: Paint
) -> Iterator[str]:
    configuration = shown.configuration
    how = f"({configuration.mode.value}, {configuration.ownership.value})"
    yield from wrap(f"by {safe(configuration.source)} {how}", columns)
    yield ""
    if asked.kind is Kind.NAMESPACE:
        yield from diff(pods, columns, paint, reasons=True)
        yield from counts(replace(shown, pods=pods))
        return
    if asked.kind is Kind.CLAIM:
        yield from wrap(f"{asked}: {explanation.verdict(shown, asked, pods)}.", columns)
        yield ""
    for number, each in enumerate(pods):
        if number:
            yield ""
        yield from _pod(shown, asked, each, columns, paint)


def _pod(shown: Preview, asked: Target, previewed: PodPreview, columns: int, paint: Paint) -> Iterator[str]:
    pod = previewed.pod
    where = f" on {safe(pod.spec.node_name)}" if pod.spec.node_name else ""
    going = ", terminating" if pod.terminating else ""
    name = f"{pod.metadata.namespace}/{pod.metadata.name}"
    yield f"pod {safe(name)}, {safe(pod.status.phase) or 'in no phase'}{where}{going}"
    pairs = zip(pod.spec.volumes, previewed.decision.volumes, strict=True)
    for volume, decision in pairs:
        if asked.kind is Kind.CLAIM and volume.claim != asked.name:
            continue
        claim = shown.surroundings.claim(pod, volume)
        yield ""
        yield from _volume(decision, explanation.described(volume, claim), columns, paint)
    if not pod.spec.volumes:
        yield "has no volumes"
    yield ""
    yield from _annotation(shown, previewed, columns, paint)
    yield ""
    yield from _velero(shown, asked, previewed, columns, paint)


def _volume(decision: VolumeDecision, what: str, columns: int, paint: Paint) -> Iterator[str]:
    verdict, colour = ("to be backed up", "green") if decision.backup else ("left out", "yellow")
    title = f"volume {safe(decision.name)} ({safe(what)}): {verdict}"
    yield from (paint(line, colour) for line in wrap(title, columns))
    for step in decision.steps:
        lines = wrap(
            f"{safe(step.asked)}: {safe(step.said)}", columns, "  → " if step.decided else "    ", "    "
        )
        yield from (paint(line, colour) if step.decided else line for line in lines)
    if decision.unchecked is not None:
        yield from wrap(f"unchecked: {safe(decision.unchecked)}", columns, "    ")


def _annotation(shown: Preview, previewed: PodPreview, columns: int, paint: Paint) -> Iterator[str]:
    planned = previewed.plan
    owner, why = explanation.whose(previewed, shown.configuration)
    yield f"annotation {planned.key}"
    for label, said in (
        ("now", _value(planned.current)),
        ("whose", f"{_WHOSE[owner]}: {safe(why)}"),
        ("by the rules", _value(planned.desired)),
        ("so", _done(previewed)),
        ("afterwards", _value(planned.after)),
    ):
        yield from wrap(said, columns, f"  {label:<13}", " " * 15)
    if planned.withdrawn is not None:
        yield from wrap(
            f"the other mode's annotation, which we once wrote ({safe(planned.withdrawn)}), is taken back",
            columns,
            f"  {'besides':<13}",
            " " * 15,
        )


def _done(previewed: PodPreview) -> str:
    if previewed.pod.terminating and not previewed.writes:
        return "nothing is done: the pod is terminating"
    return _DONE[previewed.plan.action]


def _velero(
    shown: Preview, asked: Target, previewed: PodPreview, columns: int, paint: Paint
) -> Iterator[str]:
    version = shown.surroundings.velero
    condition = explanation.condition(shown.configuration.mode)
    yield from wrap(f"Velero {version}, {condition}, then does this:", columns)
    wanted = None
    if asked.kind is Kind.CLAIM:
        wanted = {volume.name for volume in previewed.pod.spec.volumes if volume.claim == asked.name}
    for each in explanation.outcomes(previewed, shown.configuration, shown.surroundings):
        if wanted is None or each.volume in wanted:
            lines = wrap(f"{safe(each.volume)}: {safe(each.said)}", columns, "  ", "    ")
            yield from (paint(line, "green") if each.taken else line for line in lines)


def _value(value: str | None) -> str:
    if value is None:
        return "none"
    return safe(value) or "'' (empty)"
