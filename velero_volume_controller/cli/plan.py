"""``vvc plan``: what a configuration would change, as a diff; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from velero_volume_controller.annotate.plan import PlanAction
from velero_volume_controller.annotate.preview import PodPreview, Preview, document, summary
from velero_volume_controller.cli.asking import Question, ask, called, options
from velero_volume_controller.cli.output import (
    Paint,
    counted,
    fold,
    painter,
    print_json,
    print_lines,
    print_warnings,
    safe,
    width,
    wrap,
)
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.dumps.documents import ADVICE

#: With --exit-code: some pod would be written to.
EXIT_CHANGES: Final = 3

_EPILOG = """
\b
Examples:
  vvc plan                            what the live one still has to do
  vvc plan -c new.yml                 a configuration that is not live yet
  vvc plan -c new.yml --only foreign  annotations that someone else wrote
  kubectl get pods,pvc,pv,ns,sc -A -o json >dump.json
  vvc plan -c new.yml --objects dump.json -o json | jq .summary
  vvc plan --exit-code >/dev/null || echo "not as it should be"

\b
Signs: + an annotation is added, ~ changed, - removed; = it stays and becomes
ours (a marker is written); ! it is someone else's and stays as it is.
Exit status: 0; 1 the cluster is in the way; 2 the configuration or the
objects can't be used; with --exit-code 3 when a pod would be written to.
"""

#: Each action's sign and colour.
_SIGNS: Final = {
    PlanAction.ADD: ("+", "green"),
    PlanAction.UPDATE: ("~", "yellow"),
    PlanAction.REMOVE: ("-", "red"),
    PlanAction.ADOPT: ("=", "cyan"),
    PlanAction.FOREIGN: ("!", "magenta"),
    PlanAction.NONE: (" ", ""),
}


#: What is to be done, as the counts say it. "Take back" is what we once wrote in the other mode.
_VERBS: Final = (
    ("add", "add"),
    ("update", "change"),
    ("remove", "remove"),
    ("adopt", "adopt"),
    ("withdrawn", "take back"),
)

#: What --only knows besides the actions: pods from which the other mode's annotation is taken back.
_WITHDRAWN: Final = "withdrawn"


class _Actions(click.ParamType[frozenset[str]]):
    """Actions joined by commas."""

    name = "actions"
    known: Final = (*(action.value for action in PlanAction), _WITHDRAWN)

    def convert(
        self, value: str | frozenset[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[str]:
        if isinstance(value, frozenset):
            return value
        names = [name.strip() for name in value.split(",")]
        for name in names:
            if name not in self.known:
                self.fail(f"expected some of {','.join(self.known)}, found {name!r}.", param, ctx)
        return frozenset(names)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The last of the actions; those before it stay."""
        before, comma, last = incomplete.rpartition(",")
        return [CompletionItem(before + comma + name) for name in self.known if name.startswith(last)]


@click.command(epilog=_EPILOG, short_help="Show what a configuration would change.")
@options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json tells of every pod.",
)
@click.option(
    "--only",
    type=_Actions(),
    metavar="ACTION[,ACTION]",
    help="List only pods with these actions: add, update, remove, adopt, foreign, none, "
    "withdrawn. The counts stay those of all.",
)
@click.option("--all", "everything", is_flag=True, help="In text, list also the pods that stay as they are.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 when a pod would be written to, as for CI.")
def plan(output: str, only: frozenset[str] | None, everything: bool, exit_code: bool, **shared: Any) -> int:
    """Show which annotations a configuration would add, change and remove. Changes nothing.

    Asks the cluster, or with --objects what kubectl printed of one.
    """
    question = Question(**shared)
    shown = ask(question)
    if exit_code and question.objects is not None and not shown.pods:
        name = called(question.objects)
        raise ConfigurationError(
            f"{name}: the objects hold no Pods, so --exit-code checks nothing. {ADVICE}."
        )
    pods = [each for each in shown.pods if only is None or _told(each) & only]
    if output == "json":
        print_json(document(shown, pods))
    else:
        if only is None and not everything:
            pods = [each for each in pods if each.writes or each.plan.action is PlanAction.FOREIGN]
        paint = painter()
        print_lines((*diff(pods, width(), paint), *counts(shown)))
    print_warnings(shown.warnings)
    return EXIT_CHANGES if exit_code and any(each.writes for each in shown.pods) else 0


def _told(previewed: PodPreview) -> set[str]:
    """The words of --only that fit a pod."""
    told = {previewed.plan.action.value, previewed.action.value}
    return told if previewed.plan.withdrawn is None else told | {_WITHDRAWN}


def diff(pods: Iterable[PodPreview], columns: int, paint: Paint, *, reasons: bool = False) -> Iterator[str]:
    """The pods by namespace, each with a sign, its annotation, and what becomes of it.

    ``reasons``: and what decided each volume.
    """
    namespaces: dict[str, list[PodPreview]] = {}
    for each in pods:
        namespaces.setdefault(each.pod.metadata.namespace, []).append(each)
    for namespace, members in namespaces.items():
        yield f"namespace {safe(namespace)}"
        longest = max(len(safe(each.pod.metadata.name)) for each in members)
        for each in members:
            yield from _pod(each, min(longest, columns // 2), columns, paint)
            if reasons:
                yield from _reasons(each, columns)
        yield ""


def _pod(previewed: PodPreview, name_width: int, columns: int, paint: Paint) -> Iterator[str]:
    planned = previewed.plan
    sign, colour = _SIGNS[planned.action]
    name = safe(previewed.pod.metadata.name)
    told = _change(previewed)
    line = f"  {sign} {name:<{name_width}}  {told}".rstrip()
    if len(line) <= columns:
        yield paint(line, colour)
    else:
        yield paint(f"  {sign} {name}", colour)
        for part in _long_change(previewed, columns - 6):
            yield paint(f"      {part}", colour)
    if planned.withdrawn is not None:
        other = "backup-volumes" if planned.key.endswith("-excludes") else "backup-volumes-excludes"
        for part in fold(f"takes back {other}: {safe(planned.withdrawn)}", columns - 6):
            yield paint(f"      {part}", colour)


def _reasons(previewed: PodPreview, columns: int) -> Iterator[str]:
    """The last thing that decided overrules those before it."""
    for volume in previewed.decision.volumes:
        step = [each for each in volume.steps if each.decided][-1]
        yield from wrap(
            f"{safe(volume.name)}: {safe(step.asked)}: {safe(step.said)}", columns, " " * 6, " " * 8
        )


def _change(previewed: PodPreview) -> str:
    """What is and what will be, on one line."""
    planned = previewed.plan
    match planned.action:
        case PlanAction.ADD:
            return _value(planned.desired)
        case PlanAction.UPDATE:
            return f"{_value(planned.current)} → {_value(planned.desired)}"
        case PlanAction.FOREIGN:
            return f"{_value(planned.current)} (not ours; by the rules: {_value(planned.desired)})"
        case _:
            return _value(planned.current)


def _long_change(previewed: PodPreview, columns: int) -> Iterator[str]:
    planned = previewed.plan
    if planned.action is PlanAction.UPDATE:
        yield from fold(f"from {_value(planned.current)}", columns)
        yield from fold(f"to   {_value(planned.desired)}", columns)
    elif planned.action is PlanAction.FOREIGN:
        yield from fold(_value(planned.current), columns)
        yield from fold(f"not ours; by the rules: {_value(planned.desired)}", columns)
    else:
        yield from fold(_change(previewed), columns)


def _value(value: str | None) -> str:
    if value is None:
        return "none"
    return safe(value) or "''"


def counts(shown: Preview) -> Iterator[str]:
    """What is to be done and what is decided, in numbers."""
    found = summary(shown)
    volumes = found["volumes"]
    yield f"{shown.key}, {shown.configuration.ownership.value}:"
    changes = [f"{found[action]:,} to {verb}" for action, verb in _VERBS if found[action]]
    yield f"{', '.join(changes) or 'nothing to change'} in {counted(found['pods'], 'pod')}."
    yield (
        f"{counted(volumes['backup'] + volumes['skip'], 'volume')}:"
        f" by the rules {volumes['backup']:,} to be backed up, {volumes['skip']:,} not."
    )
    if found["foreign"]:
        yield f"{counted(found['foreign'], 'annotation')} not ours, left alone (!)."
    if found["unchecked"]:
        yield f"{counted(found['unchecked'], 'volume')} unchecked: vvc explain says what could not be seen."
