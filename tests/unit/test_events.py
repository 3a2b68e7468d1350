"""What about a pod is worth an Event, and in which words."""

from dataclasses import replace

import pytest

from tests.unit.podmaker import make_pod
from velero_volume_controller.annotate.events import Reason, event, remark
from velero_volume_controller.annotate.plan import plan
from velero_volume_controller.api.configuration import (
    Action,
    Configuration,
    Mode,
    Names,
    NamespaceFilter,
    Ownership,
    Rule,
)
from velero_volume_controller.policy import decide
from velero_volume_controller.velero.model.annotations import BACKUP_VOLUMES, MARKERS
from velero_volume_controller.velero.model.pods import Pod

EVERYTHING = Configuration(rules=(Rule("all", Action.BACKUP),))
ELSEWHERE = Configuration(
    rules=(Rule("bank", Action.BACKUP, NamespaceFilter(include=Names(frozenset({"bank"})))),)
)
OPT_OUT = Configuration(mode=Mode.OPT_OUT, default=Action.BACKUP)
LEGACY = Configuration(rules=(Rule("all", Action.BACKUP),), ownership=Ownership.LEGACY, as_go_program=True)

FOREIGN = {BACKUP_VOLUMES: "other"}
OURS = {BACKUP_VOLUMES: "old", MARKERS[BACKUP_VOLUMES]: "old"}

SILENT = {
    "a pod that is right": (make_pod(annotations={BACKUP_VOLUMES: "data"}), EVERYTHING),
    "an annotation of ours": (make_pod(annotations=OURS), EVERYTHING),
    "a Pending pod with somebody else's annotation": (
        make_pod(phase="Pending", annotations=FOREIGN),
        EVERYTHING,
    ),
    "in legacy mode somebody else's annotation": (make_pod(annotations=FOREIGN), LEGACY),
    "a folder of the node in a pod that has ended": (
        make_pod(volumes={"logs": "hostPath"}, phase="Succeeded"),
        EVERYTHING,
    ),
    "a folder of the node that no rule wants": (make_pod(volumes={"logs": "hostPath"}), ELSEWHERE),
    "volumes that the kubelet makes anew, where everything is wanted": (
        make_pod(
            volumes={"token": "projected", "settings": "configMap", "key": "secret", "me": "downwardAPI"}
        ),
        OPT_OUT,
    ),
    "in legacy mode a folder of the node": (make_pod(volumes={"logs": "hostPath"}), LEGACY),
}

TOLD = {
    "somebody else's annotation": (
        make_pod(annotations=FOREIGN),
        EVERYTHING,
        Reason.FOREIGN_ANNOTATION,
        "By the rules it should be 'data'.",
    ),
    "a folder of the node": (
        make_pod(volumes={"data": "pvc", "logs": "hostPath"}),
        EVERYTHING,
        Reason.VOLUME_NOT_BACKED_UP,
        "logs: a hostPath volume",
    ),
    "a folder of the node, where everything is wanted": (
        make_pod(volumes={"logs": "hostPath", "token": "projected"}),
        OPT_OUT,
        Reason.VOLUME_NOT_BACKED_UP,
        "logs: a hostPath volume",
    ),
    "a volume that nothing mounts": (
        make_pod(unmounted=frozenset({"data"})),
        EVERYTHING,
        Reason.VOLUME_NOT_BACKED_UP,
        "data: no regular container mounts it",
    ),
    "an annotation that can't be understood": (
        make_pod(annotations={"vvc.velero.io/backup": "flase"}),
        EVERYTHING,
        Reason.ANNOTATION_NOT_UNDERSTOOD,
        "vvc.velero.io/backup on the pod: 'flase' is neither true nor false",
    ),
}


@pytest.mark.parametrize(("pod", "configuration"), SILENT.values(), ids=SILENT.keys())
def test_nothing_is_told_of(pod: Pod, configuration: Configuration) -> None:
    decision = decide(pod, configuration)
    assert remark(pod, decision, plan(pod, decision, configuration)) is None


@pytest.mark.parametrize(("pod", "configuration", "reason", "words"), TOLD.values(), ids=TOLD.keys())
def test_told_is(pod: Pod, configuration: Configuration, reason: Reason, words: str) -> None:
    decision = decide(pod, configuration)
    found = remark(pod, decision, plan(pod, decision, configuration))
    assert found is not None
    assert found.eventful
    made = event(pod, found, lambda: True)
    assert made.reason == reason
    assert words in made.note
    assert "token" not in made.note
    assert (made.regarding.name, made.regarding.uid) == ("web-0", "u")


def test_an_annotation_of_a_pod_that_has_ended_is_counted_but_no_event() -> None:
    pod = make_pod(annotations=FOREIGN, phase="Succeeded")
    decision = decide(pod, EVERYTHING)
    found = remark(pod, decision, plan(pod, decision, EVERYTHING))
    assert found is not None
    assert not found.eventful


def test_an_annotation_in_a_namespace_that_the_rules_leave_out_is_counted_but_no_event() -> None:
    pod = make_pod(annotations=FOREIGN)
    decision = decide(pod, ELSEWHERE)
    found = remark(pod, decision, plan(pod, decision, ELSEWHERE))
    assert found is not None
    assert not found.eventful


def test_an_annotation_that_says_what_the_rules_say_is_counted_but_no_event() -> None:
    pod = make_pod(annotations={BACKUP_VOLUMES: "data"})
    keeping = replace(EVERYTHING, adopt=False)
    decision = decide(pod, keeping)
    found = remark(pod, decision, plan(pod, decision, keeping))
    assert found is not None
    assert found.reason is Reason.FOREIGN_ANNOTATION
    assert not found.eventful
