"""How a plan is looked at, approved and followed: what ``apply`` and ``undo`` have in common."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Final

import click

from velero_volume_controller.cli.backup_cluster import Where
from velero_volume_controller.cli.output import counted, painter, print_lines, safe, width, wrap
from velero_volume_controller.cli.progress import Waiting
from velero_volume_controller.cli.restore_cluster import ask
from velero_volume_controller.cli.restore_summary import summary
from velero_volume_controller.cli.restore_watch import follow
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.restore.outlook import (
    ENVIRONMENT,
    Outlook,
    outlook,
    why_failed,
    why_refused,
)
from velero_volume_controller.restore.prediction import expectation

if TYPE_CHECKING:
    from velero_volume_controller.kube.client import Client
    from velero_volume_controller.restore.objects import CleanRestore
    from velero_volume_controller.restore.planned import Plan

#: Not carried out: wrong names were typed.
_NOT_APPROVED: Final = 2
#: From one look at a plan that is being made to the next. Seconds.
_PERIOD: Final = 0.5
#: A CleanRestore that nobody has looked at for so long will not be looked at. Seconds.
_TAKEN_UP: Final = 60.0


def carry_on(where: Where, name: str, plan_hash: str | None, *, wait: bool) -> int:
    """Let the CleanRestore go on once its plan was looked at and approved; the exit status.

    Raises ConfigurationError where it is refused, and nothing has been approved then; KubeError.
    """
    found = ask(where, lambda client: _read(client, where, name))
    word, comes = "", outlook(found)
    if comes in {Outlook.PLAN_AGAIN, Outlook.RESUME}:
        print_lines([f"{_called(found)} failed: {safe(why_failed(found))}", ""])
    if comes is Outlook.PLAN_AGAIN:
        # Nothing is touched by that: it waits for approval again.
        found, word = ask(where, lambda client: _resume(client, found))
        comes = Outlook.WAIT
    if comes is Outlook.WAIT:
        with Waiting("waiting for the plan") as waiting:
            found = ask(where, lambda client: _planned(client, where, name, word, waiting))
        comes = outlook(found, word)
    if comes is Outlook.OVER:
        raise ConfigurationError(
            f"{_called(found)} has ended, or is about to ({found.status.phase}). Make another one."
        )
    if comes is Outlook.REFUSED:
        _refuse(where, found)
    if comes is not Outlook.FOLLOW:
        if not _approved(where, found, plan_hash):
            return _NOT_APPROVED
        word = ask(where, lambda client: _let_go_on(client, found, comes))
    if not wait:
        print_lines([f"{_called(found)}: goes on. Look on: vvc restore watch {name} -n {where.namespace}"])
        return 0
    return follow(where, name, current=lambda seen: not word or seen.run.status.resumed == word)


def _called(found: CleanRestore) -> str:
    return f"CleanRestore {found.namespace}/{found.name}"


async def _read(client: Client, where: Where, name: str) -> CleanRestore:
    # Imported here: the Kubernetes library takes a second that --help need not wait for.
    from velero_volume_controller.restore.handling import read  # noqa: PLC0415

    return await read(client, where.namespace, name)


async def _planned(client: Client, where: Where, name: str, word: str, waiting: Waiting) -> CleanRestore:
    """Once there is a plan, or word that there is none."""
    begun = time.monotonic()
    while True:
        found = await _read(client, where, name)
        if outlook(found, word) is not Outlook.WAIT:
            return found
        untouched = found.status.phase is None or (word and found.status.resumed != word)
        if untouched and time.monotonic() > begun + _TAKEN_UP:
            raise KubeError(
                f"{_called(found)}: nothing takes it up. Is vvc run at work, and may it read CleanRestores?"
                f" kubectl -n {where.namespace} get deployments. It stays; go on: vvc restore apply {name}"
                f" -n {where.namespace}"
            )
        waiting.show()
        await asyncio.sleep(_PERIOD)


async def _resume(client: Client, found: CleanRestore) -> tuple[CleanRestore, str]:
    from velero_volume_controller.restore.handling import PlanChanged, resume  # noqa: PLC0415

    try:
        return await resume(client, found)
    except PlanChanged as error:
        raise ConfigurationError(str(error)) from None


async def _let_go_on(client: Client, found: CleanRestore, comes: Outlook) -> str:
    """The word by which the run knows the demand, if it is one to resume."""
    from velero_volume_controller.restore.handling import PlanChanged, approve  # noqa: PLC0415

    if comes is Outlook.RESUME:
        return (await _resume(client, found))[1]
    assert found.status.plan is not None
    try:
        await approve(client, found, found.status.plan.hash)
    except PlanChanged as error:
        raise ConfigurationError(str(error)) from None
    return ""


def _refuse(where: Where, found: CleanRestore) -> None:
    """Says what is in the way. Always raises."""
    reason, problems = why_refused(found)
    if reason in ENVIRONMENT:
        again = f"vvc restore apply {found.name} -n {found.namespace}"
        raise KubeError(f"{_called(found)} can't be planned: {'; '.join(problems)} Go on: {again}")
    if found.status.plan is not None:
        _show(where, found)
    more = "" if found.status.plan is None else " All of it: vvc restore plan {0} -n {1}."
    raise ConfigurationError(
        *(f"{each.rstrip('.')}." for each in problems),
        f"{_called(found)}: its plan is refused, and nothing was touched."
        + more.format(found.name, found.namespace)
        + " It is planned again every 30 s: when that is mended, or what it says is protected, go on with"
        f" vvc restore apply {found.name} -n {found.namespace}.",
    )


def _approved(where: Where, found: CleanRestore, plan_hash: str | None) -> bool:
    """Whether a person, or the hash that is given, lets the plan go on. Shows it before."""
    known = found.status.plan
    assert known is not None, "what can be approved has a plan"
    plan = _show(where, found)
    command = f"vvc restore apply {found.name} -n {found.namespace} --plan-hash {known.hash}"
    if plan_hash is not None:
        if plan_hash != known.hash:
            raise ConfigurationError(
                f"--plan-hash: is not that of the plan, which is {known.hash}. Nothing was approved. Look at"
                f" the plan, and approve it: {command}"
            )
        return True
    if not sys.stdin.isatty():
        raise ConfigurationError(
            f"nobody can be asked here, and nothing was approved. Look at the plan, and approve it: {command}"
        )
    return _typed(sorted(set(plan.targets.values())), found.name)


def _show(where: Where, found: CleanRestore) -> Plan:
    # Imported here, as above.
    from velero_volume_controller.restore.handling import read_plan  # noqa: PLC0415

    plan = ask(where, lambda client: read_plan(client, found))
    assert found.spec is not None, "what can't be read is not shown"
    expected = expectation(found.status.plan)
    print_lines(
        [
            *summary(plan, found.spec, width(), painter()),
            *(wrap(expected, width(), "* ") if expected else ()),
            "",
            # Neither is broken: they are copied.
            f"Plan {plan.hash}",
            f"Every object, and why: vvc restore plan {found.name} -n {found.namespace}",
        ]
    )
    return plan


def _typed(namespaces: list[str], name: str) -> bool:
    """Whether the person types all of these names, in any order; that of the run where there are none."""
    what = "the name of the namespace" if namespaces else "the name of the CleanRestore"
    if len(namespaces) > 1:
        what = f"the names of all {counted(len(namespaces), 'namespace')}, separated by spaces"
    wanted = namespaces or [name]
    click.echo(err=True)
    for line in wrap(f"To let it go on, type {what}. Anything else ends this.", width()):
        click.echo(line, err=True)
    typed = str(click.prompt(">", default="", show_default=False, prompt_suffix=" ", err=True)).split()
    if sorted(set(typed)) == sorted(wanted):
        return True
    missing = [each for each in wanted if each not in typed]
    told = f"{', '.join(missing)} was not typed" if missing else "there is more in it than was asked for"
    click.echo(f"Nothing was approved: {safe(told)}.", err=True)
    return False
