"""What is shown before a plan is approved, what comes next for a run, and what options make of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.restore import makers
from tests.unit.restore.runs import P, plan, run, said
from velero_volume_controller.api.cleanrestore import (
    Approval,
    CleanRestoreSpec,
    Extras,
    Scope,
    Source,
    Undo,
)
from velero_volume_controller.cli.main import main
from velero_volume_controller.cli.restore_apply import apply
from velero_volume_controller.cli.restore_summary import HELD, summary
from velero_volume_controller.cli.restore_written import written_restore
from velero_volume_controller.restore.objects import CleanRestore
from velero_volume_controller.restore.outlook import Outlook, outlook, why_failed, why_refused
from velero_volume_controller.restore.planned import Plan
from velero_volume_controller.restore.written import WrittenRestore, manifest

SPEC = CleanRestoreSpec(source=Source(backup="b1"))


def plain(text: str, _: str) -> str:
    return text


def told(made: Plan, spec: CleanRestoreSpec = SPEC, columns: int = 200) -> list[str]:
    return list(summary(made, spec, columns, plain))


def shop(**more: Any) -> Plan:
    """A Deployment with a claim, and something that the backup does not hold."""
    web = makers.deployment("web", "data", pods=2)
    there = [*web, makers.claim("data"), makers.volume("data"), makers.live("ConfigMap extra")]
    held = [*web, makers.claim("data"), "Secret password"]
    data = [makers.fs_data(each.key.name, "data", "data") for each in web if each.key.kind == "Pod"]
    return makers.plan(there, held, data, **more)


def test_it_begins_with_what_goes_and_names_each_claim_and_its_volume() -> None:
    lines = told(shop())
    assert lines[0] == "6 objects would be deleted, 1 created that are not there, 1 kept."
    assert (
        "shop: deletes 1 Deployment, 1 PersistentVolumeClaim, 2 Pods, 1 ReplicaSet; 1 created; 1 kept"
        in lines
    )
    start = lines.index("1 PersistentVolumeClaim deleted, with the data that is in it now:")
    assert lines[start + 1] == "  shop/data, and PersistentVolume pv-data with it"


def test_of_a_volume_that_is_retained_the_data_stays() -> None:
    pods = [makers.pod("a", "data"), makers.pod("b", "data2")]
    claims = [makers.claim("data"), makers.claim("data2")]
    volumes = [makers.volume("data", stays=True), makers.volume("data2")]
    data = [makers.fs_data("a", "data", "data"), makers.fs_data("b", "data2", "data2")]
    lines = told(makers.plan([*pods, *claims, *volumes], [*pods, *claims], data))
    assert "  shop/data; PersistentVolume pv-data stays, Released, with its data" in lines
    assert "  shop/data2, and PersistentVolume pv-data2 with it" in lines


def test_a_claim_that_does_not_come_back_says_so() -> None:
    lines = told(makers.plan([makers.claim("data")], ["Secret password"], extras="delete"))
    assert "  shop/data (the backup does not hold it, and extras are deleted)" in lines
    assert makers.told(shop(), "PersistentVolumeClaim data").reason == HELD


def test_what_is_lost_whatever_happens_is_told() -> None:
    lines = told(shop())
    assert "* To stand still first: 1 Deployment. What they serve is down until all is restored." in lines
    lost = "What is written after it, and before the workloads stand still, is lost."
    assert any(line.endswith(lost) for line in lines)
    without = CleanRestoreSpec(source=Source(backup="b1"), undo=Undo.NONE)
    assert "* There is no undo backup: what is deleted can't be brought back by vvc restore undo." in told(
        shop(), without
    )
    taken_back = CleanRestoreSpec(source=Source(backup="b1"), undo=Undo.NONE, undo_of="back")
    assert any(line.startswith("* This undoes back. What was written") for line in told(shop(), taken_back))
    best = CleanRestoreSpec(source=Source(backup="b1"), undo=Undo.BEST_EFFORT)
    assert any("as far as it goes" in line for line in told(shop(), best))
    assert "* Nothing has to be deleted." in told(makers.plan([], ["Secret password"]))


def test_what_is_in_the_way_comes_before_what_goes() -> None:
    web = makers.deployment("web")
    protected = makers.live("Pod web-5d8f96-x0000", controller=web[1], protected=True)
    there = [web[0], web[1], protected]
    lines = told(makers.plan(there, there))
    assert any(line.endswith("in the way: nothing of this plan may be carried out.") for line in lines[:3])


def test_a_namespace_with_another_name_says_where_it_comes_from() -> None:
    mapped = makers.plan(
        [makers.live("Secret other/password")], ["Secret password"], mapping={"shop": "other"}
    )
    assert "other (from shop): deletes 1 Secret" in told(mapped)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    assert max(map(len, told(shop(), columns=columns))) <= columns


AUTOMATIC = CleanRestoreSpec(source=Source(backup="b1"), approval=Approval.AUTOMATIC)
UNAPPROVED = CleanRestoreSpec(source=Source(backup="b1"))
CANCELLED = CleanRestoreSpec(source=Source(backup="b1"), cancel=True)
BLOCKED = [said("Planned", "False", "Blocked", "2 objects are in the way")]

OUTLOOKS: dict[str, tuple[CleanRestore, str, Outlook]] = {
    "one that nobody has looked at": (run(None), "", Outlook.WAIT),
    "one whose plan is being made": (run(P.PLANNING), "", Outlook.WAIT),
    "one whose plan is refused": (run(P.PLANNING, conditions=BLOCKED), "", Outlook.REFUSED),
    "one whose plan is there": (run(P.AWAITING_APPROVAL, spec=UNAPPROVED), "", Outlook.APPROVE),
    "one whose plan is approved already": (run(P.AWAITING_APPROVAL), "", Outlook.FOLLOW),
    "one of which an older plan was approved": (
        run(P.AWAITING_APPROVAL, plan=plan(hash=f"sha256:{'b' * 64}")),
        "",
        Outlook.APPROVE,
    ),
    "one that asks nobody": (run(P.AWAITING_APPROVAL, spec=AUTOMATIC), "", Outlook.FOLLOW),
    "one that is being cancelled": (run(P.AWAITING_APPROVAL, spec=CANCELLED), "", Outlook.OVER),
    "one that was cancelled too late": (run(P.CLEARING, spec=CANCELLED), "", Outlook.FOLLOW),
    "one that runs": (run(P.RESTORING), "", Outlook.FOLLOW),
    "one that failed and is to be planned again": (
        run(P.FAILED, resume_from=P.PLANNING),
        "",
        Outlook.PLAN_AGAIN,
    ),
    "one that failed and can go on": (run(P.FAILED, resume_from=P.RESTORING), "", Outlook.RESUME),
    "one that failed for good": (run(P.FAILED), "", Outlook.OVER),
    "one that is complete": (run(P.COMPLETED), "", Outlook.OVER),
    "one that was just told to go on": (run(P.FAILED, resume_from=P.RESTORING), "word", Outlook.WAIT),
    "one that has followed that": (run(P.PLANNING, resumed="word"), "word", Outlook.WAIT),
    "one that failed again after that": (
        run(P.FAILED, resumed="word", resume_from=P.RESTORING),
        "word",
        Outlook.RESUME,
    ),
}


@pytest.mark.parametrize(("found", "word", "comes"), OUTLOOKS.values(), ids=OUTLOOKS.keys())
def test_what_comes_next(found: CleanRestore, word: str, comes: Outlook) -> None:
    assert outlook(found, word) is comes


def test_why_there_is_no_plan_and_why_it_failed() -> None:
    refused = run(P.PLANNING, conditions=BLOCKED, problems=["Pod shop/a: no", "Pod shop/b: no"])
    assert why_refused(refused) == ("Blocked", ("Pod shop/a: no", "Pod shop/b: no"))
    assert why_refused(run(P.PLANNING, conditions=BLOCKED)) == ("Blocked", ("2 objects are in the way",))
    failed = run(P.FAILED, conditions=[said("Complete", "False", "NotGone", "Widget w")])
    assert why_failed(failed) == "NotGone: Widget w"


def written(*arguments: str, name: str = "back") -> WrittenRestore:
    """What the options of apply describe."""
    context = apply.make_context("apply", [name, *arguments])
    return written_restore(context, name)


def test_options_make_the_object_that_a_file_would() -> None:
    made = manifest(
        written(
            *("--from-backup", "b1,b2", "--include-namespaces", "shop,bank", "--exclude-namespaces", "x-*"),
            *("--namespace-mapping", "shop:shop-test", "--scope", "volumes", "--extras", "delete"),
            *("--allow-kind", "Widget.example.com", "--protect-namespace", "ops", "--undo", "none"),
            "--allow-partial",
        )
    )
    assert made["metadata"] == {"name": "back", "namespace": "velero"}
    assert made["spec"] == {
        "source": {"backups": ["b1", "b2"]},
        "namespaces": {"include": ["shop", "bank"], "exclude": ["x-*"]},
        "namespaceMapping": {"shop": "shop-test"},
        "scope": Scope.VOLUMES,
        "extras": Extras.DELETE,
        "allowKinds": ["Widget.example.com"],
        "protect": {"namespaces": ["ops"]},
        "undo": Undo.NONE,
        "allowPartial": True,
    }


def test_without_a_name_it_gets_one_from_what_is_restored() -> None:
    made = written("--from-set", "n" * 60, name="")
    assert made.name.startswith("n" * 48 + "-20")
    assert len(made.name) == 63
    assert made.spec.source == Source(backup_set="n" * 60)


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no source": (("--scope", "volumes"), "--from-set and --from-backup: expected one of them, found none"),
    "two sources": (("--from-set", "a", "--from-backup", "b"), "expected one of them, found both"),
    "a kind without its group": (("--from-set", "a", "--allow-kind", "Widget"), "--allow-kind"),
    "a mapping without a colon": (("--from-set", "a", "--namespace-mapping", "shop"), "--namespace-mapping"),
    "a name that is none": (("--from-set", "Not A Name"), "--from-set: expected"),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD.keys())
def test_bad_options_are_named_and_nothing_is_asked(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["restore", "apply", "back", *options, "--kubeconfig", "/nowhere"]) == 2
    assert message in capsys.readouterr().err


COMMANDS = ("plan", "apply", "list", "status", "watch", "report", "cancel", "undo")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_has_help_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"  vvc restore {command}" in shown.partition("Example")[2]
    assert "Exit status" in shown or command == "list"
