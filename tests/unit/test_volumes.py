"""What Velero's file-system backup takes, and what must be said to a Velero that takes everything."""

from typing import Any

import msgspec
import pytest

from tests.unit.podmaker import make_pod
from velero_volume_controller.api.configuration import Action, Configuration, Mode, Rule
from velero_volume_controller.policy import decide
from velero_volume_controller.velero.model.claims import Claim, PersistentVolume
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.versions import parse_version
from velero_volume_controller.velero.model.volumes import ineligible_pod, ineligible_volume, unchecked

V = "1.18.3"
CLAIM = Claim(name="claim", namespace="shop", volume="pv-1")


def surroundings(version: str = V, *, claim: Claim | None = CLAIM, host_path: bool = False) -> Surroundings:
    volume = PersistentVolume(name="pv-1", host_path=host_path)
    claims = {} if claim is None else {("shop", "claim"): claim}
    return Surroundings({}, claims, {"pv-1": volume}, parse_version(version))


def windows_pod() -> Pod:
    pod = make_pod()
    return msgspec.structs.replace(pod, spec=msgspec.structs.replace(pod.spec, windows=True))


BLOCK = msgspec.structs.replace(CLAIM, block=True)
DEVICE = {"devices": frozenset({"v"})}
UNMOUNTED = {"unmounted": frozenset({"v"})}

VOLUMES: dict[str, tuple[str, dict[str, Any], Surroundings, str | None]] = {
    "a mounted PVC is taken": ("pvc", {}, surroundings(), None),
    "an emptyDir is taken": ("emptyDir", {}, surroundings(), None),
    "an NFS volume without a claim is taken": ("nfs", {}, surroundings(), None),
    "a hostPath is never taken": ("hostPath", {}, surroundings(), "hostPath volume"),
    "a Secret is never taken": ("secret", {}, surroundings(), "Secret object itself"),
    "a ConfigMap is never taken": ("configMap", {}, surroundings(), "ConfigMap object itself"),
    "a projected volume is never taken": ("projected", {}, surroundings(), "writes it anew"),
    "a downwardAPI volume is never taken": ("downwardAPI", {}, surroundings(), "writes it anew"),
    "an image is never taken": ("image", {}, surroundings(), "pulled from a registry"),
    "an ephemeral volume is never taken": ("ephemeral", {}, surroundings(), "under the wrong name"),
    "nor is it by the oldest Velero": ("ephemeral", {}, surroundings("1.9"), "under the wrong name"),
    "a block device is not taken": ("pvc", DEVICE, surroundings(), "a block device"),
    "a claim in block mode is not taken": ("pvc", {}, surroundings(claim=BLOCK), "a block device"),
    "a volume that no container mounts is not taken": (
        "pvc",
        UNMOUNTED,
        surroundings(),
        "no regular container",
    ),
    "a PVC on a hostPath PersistentVolume is not taken": (
        "pvc",
        {},
        surroundings(host_path=True),
        "PersistentVolume pv-1 is a hostPath",
    ),
    "a PVC whose claim can't be read is not held against it": ("pvc", {}, surroundings(claim=None), None),
}


@pytest.mark.parametrize(("word", "about", "around", "reason"), VOLUMES.values(), ids=VOLUMES.keys())
def test_which_volumes_are_taken(
    word: str, about: dict[str, Any], around: Surroundings, reason: str | None
) -> None:
    pod = make_pod(volumes={"v": word}, **about)
    found = ineligible_volume(pod, pod.spec.volumes[0], around)
    assert (found is None) if reason is None else (found is not None and reason in found)


@pytest.mark.parametrize(
    ("version", "taken"),
    [
        ("1.9", False),
        ("1.15.2", False),
        ("1.16.2", False),
        ("1.17", True),
        ("1.17.2", True),
        ("1.18.3", True),
    ],
)
def test_volumes_of_windows_pods_are_taken_from_velero_1_17_on(version: str, taken: bool) -> None:
    pod = windows_pod()
    reason = ineligible_volume(pod, pod.spec.volumes[0], surroundings(version))
    assert (reason is None) is taken, reason
    linux = make_pod()
    assert ineligible_volume(linux, linux.spec.volumes[0], surroundings(version)) is None


PODS: dict[str, tuple[dict[str, Any], str | None]] = {
    "a running pod is one whose volumes are taken": ({}, None),
    "a Pending pod is not": ({"phase": "Pending"}, "Pending"),
    "a pod in no phase is not": ({"phase": ""}, "in no phase"),
    "a pod without a node is not": ({"node": ""}, "no node"),
    "a terminating pod is not": ({"terminating": True}, "terminating"),
    "a mirror pod is not": ({"annotations": {"kubernetes.io/config.mirror": "x"}}, "static pod"),
}


@pytest.mark.parametrize(("about", "reason"), PODS.values(), ids=PODS.keys())
def test_whose_volumes_are_taken(about: dict[str, Any], reason: str | None) -> None:
    found = ineligible_pod(make_pod(**about))
    assert (found is None) if reason is None else (found is not None and reason in found)


UNCHECKED: dict[str, tuple[str, Surroundings, str | None]] = {
    "a claim that was not read": ("pvc", Surroundings(), "PersistentVolumeClaim claim could not be read"),
    "a claim that is not there": ("pvc", surroundings(claim=None), "PersistentVolumeClaim claim could not"),
    "a PersistentVolume that was not read": (
        "pvc",
        Surroundings({}, {("shop", "claim"): CLAIM}),
        "PersistentVolume pv-1 could not be read",
    ),
    "nothing, when both are known": ("pvc", surroundings(), None),
    "nothing, when the claim is not bound": (
        "pvc",
        surroundings(claim=msgspec.structs.replace(CLAIM, volume="")),
        None,
    ),
    "nothing, when no claim is behind it": ("emptyDir", Surroundings(), None),
}


@pytest.mark.parametrize(("word", "around", "said"), UNCHECKED.values(), ids=UNCHECKED.keys())
def test_what_could_not_be_seen_is_said(word: str, around: Surroundings, said: str | None) -> None:
    pod = make_pod(volumes={"v": word})
    found = unchecked(pod.spec.volumes[0], pod, around)
    assert (found is None) if said is None else (found is not None and said in found)


#: Velero in opt-out mode takes whatever is not excluded. Of a PVC that it then can't
#: read it has no snapshot either, so each volume must be named that is not read.
OPT_OUT: dict[str, tuple[Action, dict[str, Any], Surroundings, str | None]] = {
    "a volume to back up is not excluded": (Action.BACKUP, {}, surroundings(), None),
    "a volume to skip is": (Action.SKIP, {}, surroundings(), "data"),
    "a wanted block device is, so that it gets a snapshot": (
        Action.BACKUP,
        {"devices": frozenset({"data"})},
        surroundings(),
        "data",
    ),
    "an unwanted block device is": (Action.SKIP, {"devices": frozenset({"data"})}, surroundings(), "data"),
    "a wanted PVC that no container mounts is": (
        Action.BACKUP,
        {"unmounted": frozenset({"data"})},
        surroundings(),
        "data",
    ),
    "an ephemeral volume is, or the Backup fails": (
        Action.BACKUP,
        {"volumes": {"data": "pvc", "scratch": "ephemeral", "code": "image"}},
        surroundings(),
        "scratch,code",
    ),
    "what Velero leaves out by itself is not": (
        Action.SKIP,
        {"volumes": {"h": "hostPath", "s": "secret", "c": "configMap", "p": "projected", "d": "downwardAPI"}},
        surroundings(),
        None,
    ),
    "a Pending pod's wanted volume is not: it may run any moment": (
        Action.BACKUP,
        {"phase": "Pending", "node": ""},
        surroundings(),
        None,
    ),
    "a completed pod's PVC is, so that it gets a snapshot": (
        Action.BACKUP,
        {"phase": "Succeeded"},
        surroundings(),
        "data",
    ),
    "a failed pod's PVC is": (Action.BACKUP, {"phase": "Failed"}, surroundings(), "data"),
    "a mirror pod gets no annotation": (
        Action.SKIP,
        {"annotations": {"kubernetes.io/config.mirror": "x"}},
        surroundings(),
        None,
    ),
}


@pytest.mark.parametrize(("action", "about", "around", "value"), OPT_OUT.values(), ids=OPT_OUT.keys())
def test_what_opt_out_mode_excludes(
    action: Action, about: dict[str, Any], around: Surroundings, value: str | None
) -> None:
    configuration = Configuration(mode=Mode.OPT_OUT, rules=(Rule("all", action),))
    assert decide(make_pod(**about), configuration, around).value == value


def test_opt_out_mode_excludes_volumes_of_windows_pods_from_a_velero_that_fails_on_them() -> None:
    configuration = Configuration(mode=Mode.OPT_OUT, rules=(Rule("all", Action.BACKUP),))
    assert decide(windows_pod(), configuration, surroundings("1.16.2")).value == "data"
    assert decide(windows_pod(), configuration, surroundings("1.17.2")).value is None
