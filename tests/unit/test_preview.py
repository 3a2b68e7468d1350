"""The document that `vvc plan -o json` prints, and what is warned of."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_objects import CLAIM, NAMESPACE, STORAGE_CLASS, VOLUME, pod
from velero_volume_controller.annotate.preview import Preview, document, preview, summary
from velero_volume_controller.api.configuration import (
    Action,
    Configuration,
    Mode,
    Names,
    NamespaceFilter,
    Ownership,
    Requirement,
    Rule,
    VolumeFilter,
)
from velero_volume_controller.api.configuration import Operator as Op
from velero_volume_controller.config import load_text
from velero_volume_controller.dumps.objects import Objects, read_objects

KEY, MARKER = "backup.velero.io/backup-volumes", "vvc.velero.io/backup-volumes"
EXCLUDES, OTHER_MARKER = f"{KEY}-excludes", f"{MARKER}-excludes"
ALL = Configuration(default=Action.BACKUP, source="config.yml")
NONE = Configuration(default=Action.SKIP, source="config.yml")


def objects(*items: dict[str, Any], around: bool = True) -> Objects:
    everything = [*items, CLAIM, VOLUME, NAMESPACE, STORAGE_CLASS] if around else list(items)
    return read_objects(json.dumps({"kind": "List", "items": everything}), "dump")


def annotated(**annotations: str) -> dict[str, Any]:
    keys = {"value": KEY, "marker": MARKER, "excludes": EXCLUDES, "other_marker": OTHER_MARKER}
    return pod(annotations={keys[name]: value for name, value in annotations.items()})


def test_the_document_of_one_pod() -> None:
    told = document(preview(objects(pod()), ALL))
    assert told == {
        "pods": [
            {
                "namespace": "shop",
                "name": "web",
                "key": KEY,
                "current": None,
                "desired": "data",
                "after": "data",
                "action": "add",
                "volumes": [
                    {"name": "data", "decision": "backup", "rule": None, "reason": "there are no rules"}
                ],
            }
        ],
        "summary": {
            "pods": 1,
            "add": 1,
            "update": 0,
            "remove": 0,
            "foreign": 0,
            "none": 0,
            "adopt": 0,
            "withdrawn": 0,
            "volumes": {"backup": 1, "skip": 0},
            "unchecked": 0,
            "warnings": [],
        },
    }


CASES: dict[str, tuple[dict[str, str], Configuration, tuple[Any, ...]]] = {
    "nothing there, nothing wanted": ({}, NONE, (None, None, None, "none")),
    "ours and out of date": ({"value": "a", "marker": "a"}, ALL, ("a", "data", "data", "update")),
    "ours and not wanted": ({"value": "a", "marker": "a"}, NONE, ("a", None, None, "remove")),
    "someone else's": ({"value": "a"}, ALL, ("a", "data", "a", "foreign")),
    "someone else's, and empty": ({"value": ""}, NONE, ("", None, "", "foreign")),
    "right, and adopted": ({"value": "data"}, ALL, ("data", "data", "data", "none")),
    "someone else's in legacy mode": (
        {"value": "a"},
        Configuration(default=Action.BACKUP, ownership=Ownership.LEGACY),
        ("a", "data", "data", "update"),
    ),
}


@pytest.mark.parametrize(("annotations", "configuration", "expected"), CASES.values(), ids=CASES.keys())
def test_now_wanted_afterwards_and_the_action(
    annotations: dict[str, str], configuration: Configuration, expected: tuple[Any, ...]
) -> None:
    (told,) = document(preview(objects(annotated(**annotations)), configuration))["pods"]
    assert (told["current"], told["desired"], told["after"], told["action"]) == expected


def test_an_adoption_is_counted_although_the_annotation_stays() -> None:
    counts = summary(preview(objects(annotated(value="data")), ALL))
    assert (counts["none"], counts["adopt"]) == (1, 1)


def test_what_we_wrote_in_the_other_mode_is_taken_back_and_said() -> None:
    shown = preview(objects(annotated(excludes="x", other_marker="x")), ALL)
    told = document(shown)
    assert told["pods"][0]["withdrawn"] == {"key": EXCLUDES, "current": "x"}
    assert told["summary"]["withdrawn"] == 1
    assert shown.pods[0].writes


def test_opt_out_names_what_is_left_out() -> None:
    configuration = Configuration(mode=Mode.OPT_OUT, default=Action.SKIP)
    (told,) = document(preview(objects(pod()), configuration))["pods"]
    assert (told["key"], told["desired"], told["action"]) == (EXCLUDES, "data", "add")
    assert told["volumes"][0]["decision"] == "skip"


def test_what_could_not_be_seen_is_said_of_the_volume_and_counted() -> None:
    told = document(preview(objects(pod(), around=False), ALL))
    assert "could not be read" in told["pods"][0]["volumes"][0]["unchecked"]
    assert told["summary"]["unchecked"] == 1


def test_pods_are_in_the_order_of_the_objects_and_actions_add_up() -> None:
    pods = [pod("z"), pod("a", annotations={KEY: "x"}), pod("m", annotations={KEY: "data"})]
    told = document(preview(objects(*pods), ALL))
    assert [each["name"] for each in told["pods"]] == ["z", "a", "m"]
    counts = told["summary"]
    assert sum(counts[action] for action in ("add", "update", "remove", "foreign", "none")) == counts["pods"]


GO_PROGRAM = [
    entry
    for file in ("go-program-decisions.json", "go-program-decisions-more.json")
    for entry in json.loads((Path(__file__).parent / "data" / file).read_text())
    if entry.get("exit") is None
]


@pytest.mark.parametrize("recorded", GO_PROGRAM, ids=map(str, range(len(GO_PROGRAM))))
def test_in_legacy_mode_the_annotations_afterwards_are_those_the_go_program_left(
    recorded: dict[str, Any],
) -> None:
    pods = [{"apiVersion": "v1", "kind": "Pod"} | one for one in recorded["pods"]]
    configuration = load_text(recorded["config"], "config.yml", Ownership.LEGACY).configuration
    shown = preview(objects(*pods, around=False), configuration)
    told = document(shown)["pods"]
    assert {f"{one['namespace']}/{one['name']}": one["after"] for one in told} == recorded["annotations"]
    assert shown.warnings == (), "of what the Go program does not look at nothing is missing"


def with_rule(**filters: Any) -> Configuration:
    return Configuration(source="config.yml", rules=(Rule("first", Action.BACKUP, **filters),))


def warnings(shown: Preview) -> str:
    return "\n".join(shown.warnings)


def test_a_rule_about_a_storage_class_that_is_not_there_is_warned_of() -> None:
    rule = with_rule(volumes=VolumeFilter(storage_classes=Names(frozenset({"fast", "fats"}), ("slow-*",))))
    assert warnings(preview(objects(pod()), rule)) == (
        "config.yml: rule first names storage class 'fats', which the cluster does not have; there: fast."
    )


def test_a_rule_that_can_not_be_decided_with_these_objects_is_warned_of_once() -> None:
    claims = with_rule(volumes=VolumeFilter(min_size=1))
    told = warnings(preview(objects(pod(), NAMESPACE, around=False), claims))
    assert "rule first can't be decided without PersistentVolumeClaims" in told
    assert told.count("rule first") == 1
    labels = with_rule(namespaces=NamespaceFilter(selector=(Requirement("a", Op.EXISTS),)))
    told = warnings(preview(objects(pod(), CLAIM, VOLUME, around=False), labels))
    assert "rule first can't be decided without Namespaces" in told
    assert told.count("rule first") == 1


def claimed(name: str, claim: str, **more: Any) -> dict[str, Any]:
    made = pod(name, **more)
    made["spec"]["volumes"][0]["persistentVolumeClaim"] = {"claimName": claim}
    return made


def test_a_claim_that_is_missing_among_others_and_that_a_rule_asks_about_is_warned_of() -> None:
    rule = with_rule(
        namespaces=NamespaceFilter(include=Names(frozenset({"shop"}))), volumes=VolumeFilter(min_size=1)
    )
    pods = [claimed("a", "lost"), claimed("b", "gone"), claimed("c", "lost", namespace="bank"), pod("web")]
    sized = {**CLAIM, "status": {"capacity": {"storage": "1Gi"}}}
    shown = preview(objects(*pods, sized, VOLUME, NAMESPACE, around=False), rule)
    assert warnings(shown) == (
        "config.yml: rule first could not be decided for volume data of pod shop/a and 1 other volume:"
        " PersistentVolumeClaim lost is not known, so it did not match."
    )
    lost, _, elsewhere, web = document(shown)["pods"]
    unchecked = "rule first could not be decided: PersistentVolumeClaim lost is not known"
    assert lost["volumes"][0]["unchecked"] == unchecked
    assert "unchecked" not in elsewhere["volumes"][0], "the rule does not speak of its namespace"
    assert "unchecked" not in web["volumes"][0]


def test_a_namespace_that_is_missing_among_others_and_that_a_rule_asks_about_is_warned_of() -> None:
    rule = with_rule(namespaces=NamespaceFilter(selector=(Requirement("a", Op.DOES_NOT_EXIST),)))
    shown = preview(objects(pod("web"), pod("db", namespace="bank")), rule)
    assert "rule first could not be decided for volume data of pod bank/db: the labels of" in warnings(shown)


def test_what_is_out_anyway_is_not_unchecked() -> None:
    ended = claimed("a", "lost") | {"status": {"phase": "Succeeded"}}
    shown = preview(objects(ended), with_rule(volumes=VolumeFilter(min_size=1)))
    (told,) = document(shown)["pods"]
    assert "unchecked" not in told["volumes"][0]
    assert shown.warnings == ()


OVERRIDE = "vvc.velero.io/backup"


def test_an_annotation_that_can_not_be_understood_is_warned_of_once_however_many_pods_ask() -> None:
    claim = CLAIM | {"metadata": CLAIM["metadata"] | {"annotations": {OVERRIDE: "flase"}}}
    space = NAMESPACE | {"metadata": NAMESPACE["metadata"] | {"annotations": {OVERRIDE: ""}}}
    pods = [pod("web"), pod("db"), pod("job", annotations={OVERRIDE: "a"})]
    shown = preview(objects(*pods, claim, VOLUME, space, around=False), ALL)
    wrong = f"annotation {OVERRIDE} can't be understood:"
    assert shown.warnings == (
        f"PersistentVolumeClaim shop/data: {wrong} 'flase' is neither true nor false. Correct it.",
        f"namespace shop: {wrong} '' is neither true nor false. Correct it.",
        f"pod shop/job: {wrong} 'a' is neither true nor false, and names no volume of the pod. Correct it.",
    )
    assert [each.action for each in shown.pods] == ["add", "add", "add"], "they decide nothing"


@pytest.mark.parametrize(("number", "last"), [(10, "pod shop/web-9: "), (12, "2 more annotations can't be")])
def test_of_many_annotations_that_can_not_be_understood_ten_are_named(number: int, last: str) -> None:
    pods = [pod(f"web-{number}", annotations={OVERRIDE: "x"}) for number in range(number)]
    warned = preview(objects(*pods), ALL).warnings
    assert len(warned) == min(number, 11)
    assert warned[-1].startswith(last)
