"""The engine: which volumes, and why."""

from typing import Any

import pytest

from tests.unit.podmaker import make_pod
from velero_volume_controller.api.configuration import (
    Action,
    Configuration,
    Names,
    NamespaceFilter,
    Ownership,
    PodFilter,
    Rule,
    VolumeFilter,
)
from velero_volume_controller.policy import decide
from velero_volume_controller.velero.model.claims import Claim, PersistentVolume
from velero_volume_controller.velero.model.surroundings import Surroundings

BACKUP_ALL = Rule("all", Action.BACKUP)


def nine_keys_like(
    include: set[str] | None = None,
    exclude: set[str] | None = None,
    jobs: tuple[str, ...] = (),
    types: set[str] | None = None,
    ownership: Ownership = Ownership.PROTECT,
) -> Configuration:
    rule = Rule(
        "nine",
        Action.BACKUP,
        NamespaceFilter(
            None if include is None else Names(frozenset(include)), Names(frozenset(exclude or ()))
        ),
        PodFilter(exclude_jobs=jobs),
        VolumeFilter(frozenset({"persistentVolumeClaim"} if types is None else types)),
    )
    return Configuration(rules=(rule,), ownership=ownership, as_go_program=ownership is Ownership.LEGACY)


VALUES: dict[str, tuple[Configuration, dict[str, Any], str | None]] = {
    "a mounted PVC of a running pod is backed up": (nine_keys_like(), {}, "data"),
    "names keep the order of the spec and are joined without a space": (
        nine_keys_like(),
        {"volumes": {"z": "pvc", "tmp": "emptyDir", "a": "pvc"}},
        "z,a",
    ),
    "an emptyDir is taken when its type is listed": (
        nine_keys_like(types={"emptyDir"}),
        {"volumes": {"z": "pvc", "tmp": "emptyDir"}},
        "tmp",
    ),
    "no type listed takes nothing": (nine_keys_like(types=set()), {}, None),
    "a pod without volumes has nothing to back up": (nine_keys_like(), {"volumes": {}}, None),
    "a namespace outside the included ones is out": (nine_keys_like(include={"bank"}), {}, None),
    "an included namespace is in": (nine_keys_like(include={"shop"}), {}, "data"),
    "names of namespaces are compared exactly": (nine_keys_like(include={"shop*", "sho"}), {}, None),
    "an included list that is empty lets nothing in": (nine_keys_like(include=set()), {}, None),
    "an excluded namespace is out": (nine_keys_like(exclude={"shop"}), {}, None),
    "a namespace that is not excluded is in": (nine_keys_like(exclude={"bank"}), {}, "data"),
    "a pod of an excluded Job is out": (
        nine_keys_like(jobs=("night*",)),
        {"owner": ("Job", "nightly-1")},
        None,
    ),
    "a pod of another Job is in": (nine_keys_like(jobs=("night*",)), {"owner": ("Job", "daily")}, "data"),
    "excludeJobs speaks of Jobs only": (
        nine_keys_like(jobs=("night*",)),
        {"owner": ("ReplicaSet", "nightly-1")},
        "data",
    ),
    "a Pending pod is out": (nine_keys_like(), {"phase": "Pending"}, None),
    "a Succeeded pod is out": (nine_keys_like(), {"phase": "Succeeded"}, None),
    "a Failed pod is out": (nine_keys_like(), {"phase": "Failed"}, None),
    "a pod in an Unknown phase is out": (nine_keys_like(), {"phase": "Unknown"}, None),
    "a pod without a phase is out": (nine_keys_like(), {"phase": ""}, None),
    "a pod without a node is out": (nine_keys_like(), {"node": ""}, None),
    "a terminating pod is out": (nine_keys_like(), {"terminating": True}, None),
    "a mirror pod is out": (nine_keys_like(), {"annotations": {"kubernetes.io/config.mirror": "x"}}, None),
    "a volume that no regular container mounts is not taken": (
        nine_keys_like(),
        {"volumes": {"a": "pvc", "b": "pvc"}, "unmounted": frozenset({"a"})},
        "b",
    ),
    "a block device is not taken": (nine_keys_like(), {"devices": frozenset({"data"})}, None),
    "legacy mode takes a PVC that no container mounts": (
        nine_keys_like(ownership=Ownership.LEGACY),
        {"unmounted": frozenset({"data"})},
        "data",
    ),
    "legacy mode takes the PVC of a terminating pod": (
        nine_keys_like(ownership=Ownership.LEGACY),
        {"terminating": True},
        "data",
    ),
    "the first rule that matches a volume decides it": (
        Configuration(
            rules=(Rule("no-dirs", Action.SKIP, volumes=VolumeFilter(frozenset({"emptyDir"}))), BACKUP_ALL)
        ),
        {"volumes": {"a": "pvc", "tmp": "emptyDir"}},
        "a",
    ),
    "a volume that no rule speaks of gets the default": (
        Configuration(default=Action.BACKUP),
        {"volumes": {"a": "pvc", "tmp": "emptyDir", "s": "secret"}},
        "a,tmp",
    ),
    "without rules nothing is backed up": (Configuration(), {}, None),
}


@pytest.mark.parametrize(("configuration", "pod", "value"), VALUES.values(), ids=VALUES.keys())
def test_the_value_of_the_annotation(
    configuration: Configuration, pod: dict[str, Any], value: str | None
) -> None:
    assert decide(make_pod(**pod), configuration).value == value


@pytest.mark.parametrize(
    "word", ["hostPath", "secret", "configMap", "projected", "downwardAPI", "image", "ephemeral"]
)
def test_a_type_that_velero_never_takes_is_not_taken_even_when_a_rule_asks_for_it(word: str) -> None:
    decision = decide(make_pod(volumes={"v": word}), Configuration(rules=(BACKUP_ALL,)))
    assert decision.value is None
    assert decision.volumes[0].rule == "all"
    assert f" {word} volume" in decision.volumes[0].reason


@pytest.mark.parametrize("word", ["pvc", "emptyDir", "nfs"])
def test_a_type_that_velero_takes_is_taken_when_a_rule_asks_for_it(word: str) -> None:
    assert decide(make_pod(volumes={"v": word}), Configuration(rules=(BACKUP_ALL,))).value == "v"


@pytest.mark.parametrize("word", ["pvc", "emptyDir"])
def test_what_is_called_like_a_service_account_token_is_not_taken(word: str) -> None:
    (volume,) = decide(
        make_pod(volumes={"default-token-x7": word}), Configuration(rules=(BACKUP_ALL,))
    ).volumes
    assert not volume.backup
    assert volume.reason == (
        "its name begins with default-token: Velero takes it for a service account token and leaves it out"
    )


REASONS: dict[str, tuple[Configuration, dict[str, Any], str]] = {
    "a match names its rule": (nine_keys_like(), {}, "rule nine matches"),
    "the Job is named before the namespace": (
        nine_keys_like(exclude={"shop"}, jobs=("*",)),
        {"owner": ("Job", "j")},
        "nine: its Job j matches excludeJobs '*'",
    ),
    "a namespace that is not included": (
        nine_keys_like(include={"bank"}),
        {},
        "nine: namespace shop is not among the included namespaces",
    ),
    "an excluded namespace": (nine_keys_like(exclude={"shop"}), {}, "nine: namespace shop is excluded"),
    "a type that is not listed": (
        nine_keys_like(),
        {"volumes": {"t": "emptyDir"}},
        "nine: volumes of type emptyDir are not among the rule's types",
    ),
    "a pending pod": (
        nine_keys_like(),
        {"phase": "Pending"},
        "the pod is Pending: it is decided when it runs",
    ),
    "a block device": (
        nine_keys_like(),
        {"devices": frozenset({"data"})},
        "a block device: Velero's file-system backup reads file systems only",
    ),
    "an unmounted volume": (
        nine_keys_like(),
        {"unmounted": frozenset({"data"})},
        "no regular container mounts it: its folder does not exist on the node",
    ),
}


@pytest.mark.parametrize(("configuration", "pod", "reason"), REASONS.values(), ids=REASONS.keys())
def test_the_reason_given(configuration: Configuration, pod: dict[str, Any], reason: str) -> None:
    assert decide(make_pod(**pod), configuration).volumes[0].reason == reason


FAST = Names(frozenset({"fast"}))
BOUND = Claim(name="claim", namespace="shop", volume="pv-1")
OF_PV = (
    "PersistentVolumeClaim claim names no storage class, and PersistentVolume pv-1, which may, is not known"
)
NO_CLASS = "PersistentVolumeClaim claim has no storage class, which is not among the rule's storageClasses"
OPEN: dict[str, tuple[VolumeFilter, Claim, dict[str, PersistentVolume] | None, str, bool]] = {
    "a class that the volume may name, which can't be seen": (
        VolumeFilter(storage_classes=FAST), BOUND, None, OF_PV, True,
    ),
    "a class that the volume may name, which is not there": (
        VolumeFilter(storage_classes=FAST), BOUND, {}, OF_PV, True,
    ),
    "no class on the volume either": (
        VolumeFilter(storage_classes=FAST), BOUND, {"pv-1": PersistentVolume(name="pv-1")}, NO_CLASS, False,
    ),
    "no class on a claim that is not bound": (
        VolumeFilter(storage_classes=FAST), Claim(name="claim", namespace="shop"), None, NO_CLASS, False,
    ),
    "a claim without a size": (
        VolumeFilter(min_size=1), BOUND, None, "the size of PersistentVolumeClaim claim is not known", True,
    ),
    "a class that can't be seen of a claim that is too large anyway": (
        VolumeFilter(storage_classes=FAST, max_size=1),
        Claim(name="claim", namespace="shop", volume="pv-1", size=2),
        None,
        "PersistentVolumeClaim claim holds 2 bytes, more than maxSize",
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("wanted", "claim", "volumes", "said", "unknown"), OPEN.values(), ids=OPEN.keys())
def test_a_rule_is_undecided_only_where_what_is_missing_would_decide(
    wanted: VolumeFilter,
    claim: Claim,
    volumes: dict[str, PersistentVolume] | None,
    said: str,
    unknown: bool,
) -> None:
    surroundings = Surroundings(claims={("shop", "claim"): claim}, persistent_volumes=volumes)
    rules = (Rule("asks", Action.BACKUP, volumes=wanted),)
    (volume,) = decide(make_pod(), Configuration(rules=rules), surroundings).volumes
    assert (volume.steps[0].said, volume.steps[0].unknown) == (said, unknown)
    assert not volume.backup
    assert (volume.unchecked is not None) is unknown


@pytest.mark.parametrize(("ownership", "unchecked"), [(Ownership.PROTECT, True), (Ownership.LEGACY, False)])
def test_what_nobody_asks_about_is_not_unchecked(ownership: Ownership, unchecked: bool) -> None:
    (volume,) = decide(make_pod(), nine_keys_like(ownership=ownership)).volumes
    assert volume.backup
    assert (volume.unchecked is not None) is unchecked
