"""`vvc explain`: what can be asked about, whose the annotation is, and what Velero then does."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_cli import outcome
from tests.unit.test_cli_plan import KEY, MARKER, dump
from tests.unit.test_objects import CLAIM, VOLUME, pod
from tests.unit.test_preview import ALL, objects
from velero_volume_controller.annotate.explanation import (
    Kind,
    Owner,
    Target,
    described,
    document,
    outcomes,
    subjects,
    target,
    whose,
)
from velero_volume_controller.annotate.preview import preview
from velero_volume_controller.api.configuration import Action, Configuration, Mode, Ownership

TARGETS = {
    ("web", None): Target(Kind.POD, "web", None),
    ("web", "shop"): Target(Kind.POD, "web", "shop"),
    ("shop/web", None): Target(Kind.POD, "web", "shop"),
    ("shop/web", "shop"): Target(Kind.POD, "web", "shop"),
    ("pod/web", "shop"): Target(Kind.POD, "web", "shop"),
    ("po/shop/web", None): Target(Kind.POD, "web", "shop"),
    ("pvc/data", None): Target(Kind.CLAIM, "data", None),
    ("persistentvolumeclaims/shop/data", None): Target(Kind.CLAIM, "data", "shop"),
    ("ns/shop", None): Target(Kind.NAMESPACE, "shop", "shop"),
    ("Namespace/shop", "shop"): Target(Kind.NAMESPACE, "shop", "shop"),
}


@pytest.mark.parametrize(("given", "meant"), TARGETS.items(), ids=map(str, TARGETS))
def test_what_can_be_asked_about(given: tuple[str, str | None], meant: Target) -> None:
    assert target(*given) == meant


@pytest.mark.parametrize("text", ["", "/", "a/", "/a", "pod/", "a/b/c", "pod/a/b/c", "ns/a/b"])
def test_what_can_not_be_asked_about(text: str) -> None:
    with pytest.raises(ValueError, match="expected pod/NAME, pvc/NAME, namespace/NAME or"):
        target(text, None)


@pytest.mark.parametrize(("text", "namespace"), [("deploy/web", "shop"), ("sts/shop/web", None)])
def test_a_kind_that_is_not_known_is_no_namespace(text: str, namespace: str | None) -> None:
    with pytest.raises(ValueError, match="explain knows pod/, pvc/ and namespace/, found"):
        target(text, namespace)


@pytest.mark.parametrize("text", ["bank/web", "ns/bank", "pvc/bank/data"])
def test_a_namespace_that_contradicts_the_option(text: str) -> None:
    with pytest.raises(ValueError, match="not in the namespace that -n asks for, 'shop'"):
        target(text, "shop")


SHOWN = preview(
    objects(pod("web"), pod("db"), pod("web", namespace="bank"), pod("job", namespace="bank")), ALL
)

FOUND = {
    "a pod by its only name": (("db", None), ["shop/db"]),
    "a pod that has a namesake": (("web", "bank"), ["bank/web"]),
    "every pod that uses a claim": (("pvc/data", "shop"), ["shop/web", "shop/db"]),
    "every pod of a namespace": (("ns/bank", None), ["bank/web", "bank/job"]),
}


@pytest.mark.parametrize(("asked", "pods"), FOUND.values(), ids=FOUND.keys())
def test_the_pods_it_is_about(asked: tuple[str, str | None], pods: list[str]) -> None:
    found = subjects(SHOWN, target(*asked))
    assert [f"{each.pod.metadata.namespace}/{each.pod.metadata.name}" for each in found] == pods


def test_a_claim_that_no_pod_uses_is_about_no_pod() -> None:
    spare = CLAIM | {"metadata": {"name": "spare", "namespace": "shop"}}
    assert subjects(preview(objects(pod(), spare), ALL), target("pvc/spare", None)) == ()


NOT_FOUND = {
    "a pod that has namesakes": (("web", None), "there is a pod web in bank, shop: say with -n which"),
    "a name that is nearly right": (("dbb", None), "there is no pod dbb; did you mean shop/db?"),
    "a pod in another namespace": (("bank/db", None), "there is no pod bank/db"),
    "a pod of a name that is in two namespaces": (("wep", None), "did you mean bank/web or shop/web?"),
    "a claim that is not there": (("pvc/date", "shop"), "there is no PersistentVolumeClaim shop/date; did"),
    "a Deployment": (("deploy/web", None), "explain knows pod/, pvc/ and namespace/: name one of its pods."),
    "a namespace without pods": (("ns/shopp", None), "there is no namespace with pods shopp; did you mean"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "message"), NOT_FOUND.values(), ids=NOT_FOUND.keys())
def test_what_is_not_there_is_named_with_what_is_near(asked: tuple[str, str | None], message: str) -> None:
    with pytest.raises(ValueError) as raised:
        subjects(SHOWN, target(*asked))
    assert message in str(raised.value)


ADOPTING, KEEPING = ALL, Configuration(default=Action.BACKUP, adopt=False)
LEGACY = Configuration(default=Action.BACKUP, ownership=Ownership.LEGACY)

OWNERS: dict[str, tuple[dict[str, str], Configuration, Owner, str]] = {
    "none is there": ({}, ADOPTING, Owner.NOBODY, "there is no annotation"),
    "only a marker is left": ({MARKER: "a"}, ADOPTING, Owner.NOBODY, "the marker 'a' that is left claims"),
    "it equals the marker": ({KEY: "a", MARKER: "a"}, ADOPTING, Owner.OURS, "says the same"),
    "there is no marker": ({KEY: "a"}, ADOPTING, Owner.FOREIGN, "there is no marker vvc.velero.io/"),
    "the marker differs": ({KEY: "a", MARKER: "b"}, ADOPTING, Owner.FOREIGN, "says 'b': someone has changed"),
    "it is right without a marker": ({KEY: "data"}, ADOPTING, Owner.ADOPTABLE, "it becomes ours"),
    "it is right, and nothing is adopted": ({KEY: "data"}, KEEPING, Owner.FOREIGN, "only with adopt: true"),
    "legacy mode": ({KEY: "a"}, LEGACY, Owner.NOT_ASKED, "whoever wrote it"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("annotations", "configuration", "owner", "words"), OWNERS.values(), ids=OWNERS.keys()
)
def test_whose_annotation_it_is(
    annotations: dict[str, str], configuration: Configuration, owner: Owner, words: str
) -> None:
    (shown,) = preview(objects(pod(annotations=annotations)), configuration).pods
    found, why = whose(shown, configuration)
    assert found is owner
    assert words in why


NOTHING = Configuration(default=Action.SKIP)
EXCLUDES = f"{KEY}-excludes"
OUT = {default: Configuration(mode=Mode.OPT_OUT, default=default) for default in Action}
DONE = {"status": {"phase": "Succeeded"}}
HOST_PATH = {"spec": {"hostPath": {"path": "/"}}}

Case = tuple[dict[str, Any], dict[str, Any], Configuration, list[tuple[str, bool, str]]]

OUTCOMES: dict[str, Case] = {
    "named, and can be taken": (pod(), {}, ALL, [("data", True, "its files are backed up")]),
    "not named: perhaps a snapshot": (pod(), {}, NOTHING, [("data", False, "its files are left out; a")]),
    "someone else names a volume and one there is not": (
        pod(annotations={KEY: "data,cache"}),
        {},
        NOTHING,
        [("data", True, "its files are backed up"), ("cache", False, "no volume of the pod")],
    ),
    "a space after the comma names nothing": (
        pod(annotations={KEY: "cache, data"}),
        {},
        ALL,
        [
            ("data", False, "its files are left out"),
            ("cache", False, "no volume of the pod"),
            (" data", False, "no volume of the pod"),
        ],
    ),
    "someone else names a volume of a pod that has ended: neither files nor a snapshot": (
        pod(annotations={KEY: "data"}) | DONE,
        {},
        NOTHING,
        [("data", False, "skipped: the pod is Succeeded: Velero takes volumes of Running pods only; and no")],
    ),
    "someone else names a hostPath": (
        pod(annotations={KEY: "data"}),
        HOST_PATH,
        NOTHING,
        [("data", False, "skipped: PersistentVolume pv-1 is a hostPath")],
    ),
    "left out, and no snapshot of a hostPath": (
        pod(),
        HOST_PATH,
        NOTHING,
        [("data", False, "its files are left out; no snapshot can be taken: PersistentVolume pv-1 is")],
    ),
    "opt-out takes what is not named": (pod(), {}, OUT[Action.BACKUP], [("data", True, "its files are")]),
    "opt-out leaves out what is named": (pod(), {}, OUT[Action.SKIP], [("data", False, "its files")]),
    "opt-out, someone else names nothing": (
        pod(annotations={EXCLUDES: ""}), {}, OUT[Action.SKIP], [("data", True, "its files are backed up")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("one", "volume", "configuration", "expected"), OUTCOMES.values(), ids=OUTCOMES.keys()
)
def test_what_velero_then_does(
    one: dict[str, Any],
    volume: dict[str, Any],
    configuration: Configuration,
    expected: list[tuple[str, bool, str]],
) -> None:
    given = preview(objects(one, CLAIM, VOLUME | volume, around=False), configuration)
    told = outcomes(given.pods[0], configuration, given.surroundings)
    assert [(each.volume, each.taken) for each in told] == [(name, taken) for name, taken, _ in expected]
    for each, (_, _, words) in zip(told, expected, strict=True):
        assert words in each.said


def scratch(**more: Any) -> dict[str, Any]:
    """A pod with an ephemeral volume, whose claim is web-scratch."""
    made = pod("web", **more)
    made["spec"]["volumes"] = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}]
    made["spec"]["containers"][0]["volumeMounts"] = [{"name": "scratch", "mountPath": "/s"}]
    return made


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        pytest.param({}, "its files are left out; a snapshot is taken if the Backup makes", id="left alone"),
        pytest.param({KEY: "scratch"}, "skipped: an ephemeral volume: Velero looks", id="asked for"),
    ],
)
def test_the_claim_of_an_ephemeral_volume_is_used_by_its_pod_and_may_be_snapshotted(
    annotations: dict[str, str], said: str
) -> None:
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "web-scratch", "namespace": "shop"}}
    shown = preview(objects(scratch(annotations=annotations), claim), ALL)
    asked = target("pvc/web-scratch", None)
    told = document(shown, asked, subjects(shown, asked))
    assert told["verdict"] == (
        "its files are not backed up; a snapshot is taken if the Backup makes snapshots and something in the"
        " cluster can"
    )
    (one,) = told["pods"]
    (outcome,) = one["velero"]["volumes"]
    assert outcome["said"].startswith(said)
    assert "no snapshot" not in outcome["said"], "Velero looks for pods by their PVC volumes alone"
    assert "ephemeral volume" in one["volumes"][0]["reason"]


VERDICTS: dict[str, tuple[list[dict[str, Any]], Configuration, str]] = {
    "one pod is enough to take its files": (
        [pod("done") | DONE, pod("web")], ALL, "its files are backed up, through pod web",
    ),
    "nobody asks": ([pod("web")], NOTHING, "its files are not backed up; a snapshot is taken if"),
    "one that has ended asks, and keeps it from being snapshotted": (
        [pod("done", annotations={KEY: "data"}) | DONE, pod("web")],
        NOTHING,
        "neither its files nor a snapshot: pod done asks for its files, which Velero can't read there",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("pods", "configuration", "words"), VERDICTS.values(), ids=VERDICTS.keys())
def test_what_becomes_of_a_claim_in_the_end(
    pods: list[dict[str, Any]], configuration: Configuration, words: str
) -> None:
    shown = preview(objects(*pods), configuration)
    asked = target("pvc/data", "shop")
    assert words in document(shown, asked, subjects(shown, asked))["verdict"]


@pytest.mark.parametrize("pods", [[], [pod()]], ids=["of no pod", "of a pod"])
def test_a_claim_on_a_host_path_gets_no_snapshot_either(pods: list[dict[str, Any]]) -> None:
    shown = preview(objects(*pods, CLAIM, VOLUME | HOST_PATH, around=False), NOTHING)
    asked = target("pvc/data", None)
    told = document(shown, asked, subjects(shown, asked))["verdict"]
    assert told.endswith("not backed up; no snapshot can be taken: PersistentVolume pv-1 is a hostPath")


SIZES = {"8Gi": "8Gi", "1Ti": "1Ti", "1000Gi": "1000Gi", "1536Mi": "1.5Gi", "1G": "953.7Mi", "12": "12 bytes"}


@pytest.mark.parametrize(("written", "told"), SIZES.items())
def test_sizes_are_told_in_the_unit_that_fits(written: str, told: str) -> None:
    claim = CLAIM | {"spec": {"resources": {"requests": {"storage": written}}}}
    given = preview(objects(pod(), claim, around=False), NOTHING)
    (one,) = given.pods
    (volume,) = one.pod.spec.volumes
    assert f", {told}" in described(volume, given.surroundings.claim(one.pod, volume))


def test_the_document_holds_every_step() -> None:
    shown = preview(objects(pod(annotations={"vvc.velero.io/backup": "false"})), ALL)
    asked = target("web", None)
    (told,) = document(shown, asked, subjects(shown, asked))["pods"]
    (volume,) = told["volumes"]
    assert volume["steps"] == [
        {"asked": "vvc.velero.io/backup on the pod", "decided": True, "said": "'false'"}
    ]
    assert (volume["decision"], volume["type"], volume["claim"]) == ("skip", "persistentVolumeClaim", "data")
    assert told["owner"] == {"whose": "nobody", "why": "there is no annotation"}
    assert told["velero"]["volumes"][0]["backedUp"] is False


def test_of_a_claim_only_the_volume_behind_which_it_is() -> None:
    two = pod()
    two["spec"]["volumes"].append({"name": "tmp", "emptyDir": {}})
    shown = preview(objects(two), ALL)
    asked = target("pvc/data", None)
    (told,) = document(shown, asked, subjects(shown, asked))["pods"]
    assert [volume["name"] for volume in told["volumes"]] == ["data"]


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    config = tmp_path / "config.yml"
    config.write_text("veleroVolumeCfg: {excludeNamespaces: bank}\n")
    pods = [
        pod("web"),
        pod("db", annotations={KEY: "x"}),
        pod("web", namespace="bank"),
        pod("bare") | {"spec": {}},
        scratch() | {"metadata": {"name": "eph", "namespace": "shop"}},
        pod("idle", namespace="spare") | {"status": {"phase": "Pending"}},
    ]
    return ["-c", str(config), "--objects", dump(tmp_path, *pods)]


def explained(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status, printed = outcome(capfd, "explain", *words)
    return status, " ".join(printed.split())


TEXTS = {
    "what decided has an arrow": ("shop/web", "→ rule veleroVolumeCfg: matches: backup"),
    "what did not decide has none": (
        "bank/web",
        "veleroVolumeCfg: namespace bank is excluded → default: skip",
    ),
    "whose it is": ("shop/db", "whose someone else's: there is no marker"),
    "what is done": ("shop/web", "by the rules data so it is added afterwards data"),
    "what Velero does": ("shop/web", "data: its files are backed up"),
    "which claim is behind a volume": (
        "shop/web",
        "(PersistentVolumeClaim data, class fast): to be",
    ),
    "which claim an ephemeral volume has": (
        "shop/eph",
        "(ephemeral, PersistentVolumeClaim eph-scratch): left",
    ),
    "all who use a claim": ("pvc/shop/data", "pod shop/db, Running on node1"),
    "a namespace in short": ("ns/shop", "! db x (not ours; by the rules: data)"),
    "a namespace in short, with what decided": (
        "ns/shop",
        "+ web data data: rule veleroVolumeCfg: matches: backup",
    ),
    "a namespace in short, with what overruled": ("ns/spare", "data: Velero: the pod is Pending"),
    "a pod without volumes": ("shop/bare", "has no volumes"),
}


@pytest.mark.parametrize(("asked", "words"), TEXTS.values(), ids=TEXTS.keys())
def test_the_text_says(
    asked: str, words: str, arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    status, printed = explained(capfd, asked, *arguments)
    assert status == 0
    assert words in printed


def test_a_claim_without_pods_is_explained(
    tmp_path: Path, arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    arguments[-1] = dump(tmp_path)
    status, printed = explained(capfd, "pvc/data", *arguments)
    assert status == 0
    assert "PersistentVolumeClaim data: no pod uses it. File-system backup reads" in printed


def test_the_text_fits_the_terminal(
    arguments: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    _, printed = outcome(capfd, "explain", "shop/db", *arguments)
    assert max(map(len, printed.splitlines())) <= 50


def test_json(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    status, printed = outcome(capfd, "explain", "ns/shop", *arguments, "-o", "json")
    assert status == 0
    told = json.loads(printed)
    assert (told["kind"], told["name"]) == ("namespace", "shop")
    assert [each["name"] for each in told["pods"]] == ["web", "db", "bare", "eph"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["web"], "there is a pod web in bank, shop", id="namesakes"),
        pytest.param(["shop/wep"], "did you mean shop/web?", id="a slip of the pen"),
        pytest.param(["bank/web", "-n", "shop"], "in the namespace that -n asks for", id="two namespaces"),
        pytest.param(["a/b/c"], "expected pod/NAME", id="no name"),
    ],
)
def test_what_can_not_be_answered_exits_with_2(
    words: list[str], message: str, arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    status, printed = explained(capfd, *words, *arguments)
    assert status == 2
    assert message in printed
