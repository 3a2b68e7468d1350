"""Native rules, what objects say for themselves and opt-out mode, on real Velero with real data.

The story is told once, in this order: both versions of Velero back up and restore in
opt-in mode; the ConfigMap is edited, and the same in opt-out mode; it is edited back;
at last a broken one is applied.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.demo import movement
from hack.demo.data import Digest
from hack.demo.movement import Movement
from hack.lab import controller, existing, kubectl, velero
from hack.lab.cluster import Lab
from hack.lab.progress import step, wait_until
from hack.lab.shell import run
from tests.e2e import samples
from tests.e2e.samples import BACKUP, EXCLUDES

OPT_IN = (Path(__file__).parent / "rules.yml").read_text()
OPT_OUT = OPT_IN.replace("mode: opt-in", "mode: opt-out")
BROKEN = OPT_IN.replace("storageClasses:", "storageClass:")
VERSIONS = tuple(velero.VERSIONS)
COMES_BACK = sorted(key for key, _ in samples.written())
# The kubelet looks at a pod's ConfigMaps about once a minute, and then at a cache.
KUBELET_SECONDS = 150
# From the file's change to the last annotation: it must look the same for half a second, twice.
CONTROLLER_SECONDS = 5
SETTLING_SECONDS = 3


@dataclass(frozen=True)
class Taken:
    """What one version of Velero took, and what came back of it."""

    backup: Movement
    restore: Movement
    after: Mapping[str, Digest]


@dataclass(frozen=True)
class Stage:
    """One mode: the annotations, what `vvc plan` said, and what each Velero took."""

    annotations: Mapping[str, Mapping[str, str]]
    plan: Mapping[str, Any]
    before: Mapping[str, Digest]
    taken: Mapping[str, Taken]


@dataclass(frozen=True)
class Switch:
    """A change of the ConfigMap, as the leader lived through it.

    Seconds: `kubelet` from the change to the new file in the pod, `controller` from
    there to the last annotation.
    """

    before: Mapping[str, Mapping[str, str]]
    after: Mapping[str, Mapping[str, str]]
    replicas: tuple[Mapping[str, Any], Mapping[str, Any]]
    kubelet: float
    controller: float

    def __str__(self) -> str:
        return (
            f"{self.kubelet + self.controller:.1f} s from the ConfigMap to the last annotation:"
            f" {self.kubelet:.1f} s until the kubelet wrote the file, {self.controller:.2f} s after that"
        )


def leader() -> str:
    """The name of the pod that leads; a holder is `pod_uuid`."""
    lease = kubectl.get("-n", controller.NAMESPACE, "lease", controller.NAME) or {"spec": {}}
    return str(lease["spec"].get("holderIdentity", "")).rpartition("_")[0]


def replicas() -> dict[str, Any]:
    """Each replica's pod's name and how often it was restarted."""
    pods = kubectl.items("-n", controller.NAMESPACE, "pods", f"-l=app={controller.NAME}")
    return {
        pod["metadata"]["name"]: sum(each["restartCount"] for each in pod["status"]["containerStatuses"])
        for pod in pods
    }


def lines(pod: str) -> list[dict[str, Any]]:
    """A replica's log."""
    text = kubectl.kubectl("-n", controller.NAMESPACE, "logs", pod)
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def configure(text: str) -> None:
    """Edit the ConfigMap, as people do."""
    kubectl.apply(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": controller.NAME, "namespace": controller.NAMESPACE},
                "data": {"config.yml": text},
            }
        )
    )


def switch(text: str, expected: Mapping[str, Mapping[str, str]]) -> Switch:
    """Edit the ConfigMap and wait until the annotations are what they should be, and stay so."""
    before, standing, pod = samples.annotated(), replicas(), leader()
    changed = datetime.now(UTC)
    configure(text)
    wait_until(lambda: samples.annotated() == expected, "the annotations", seconds=KUBELET_SECONDS, every=1)
    time.sleep(SETTLING_SECONDS)
    folder = controller_path().parent
    written = kubectl.kubectl(
        "-n", controller.NAMESPACE, "exec", pod, "--", "stat", "--format=%.6Y", str(folder / "..data")
    )
    swapped = datetime.fromtimestamp(float(written), UTC)
    told = [line for line in lines(pod) if line["message"].startswith("annotation: ")]
    last = max(datetime.fromisoformat(line["time"]) for line in told)
    return Switch(
        before,
        samples.annotated(),
        (standing, replicas()),
        (swapped - changed).total_seconds(),
        (last - swapped).total_seconds(),
    )


def controller_path() -> Path:
    """Where the deployed controller reads its configuration."""
    deployment = kubectl.get("-n", controller.NAMESPACE, "deployment", controller.NAME)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return Path(next(each for each in container["args"] if each.startswith("--config=")).partition("=")[2])


def plan(folder: Path, text: str) -> dict[str, Any]:
    """What `vvc plan` says of this configuration and the cluster as it is now."""
    file = folder / "config.yml"
    file.write_text(text)
    command = [sys.executable, "-m", "velero_volume_controller", "plan", "-c", str(file), "-o", "json"]
    document: dict[str, Any] = json.loads(run([*command, "--kubeconfig", kubectl.kubeconfig()]))
    return document


def planned(document: Mapping[str, Any]) -> list[str]:
    """The volumes of the samples that a Backup takes, by `vvc plan`."""
    taken = []
    for pod in document["pods"]:
        if pod["namespace"] not in samples.NAMESPACES:
            continue
        names = [volume["name"] for volume in pod["volumes"] if volume["decision"] == "backup"]
        if pod["action"] == "foreign":
            listed = pod["after"].split(",")
            every = [
                volume["name"] for volume in pod["volumes"] if not volume["name"].startswith("kube-api-")
            ]
            names = listed if pod["key"] == BACKUP else [name for name in every if name not in listed]
        taken += [f"{pod['namespace']}/{pod['name']}:{name}" for name in names]
    return sorted(taken)


def moved(found: Movement) -> list[str]:
    """The volumes of a Backup or a Restore, all of them complete."""
    assert {volume.phase for volume in found.volumes} == {"Completed"}
    return sorted(f"{volume.pod}:{volume.volume}" for volume in found.volumes)


def stage(folder: Path, text: str, *options: str) -> Stage:
    """Back up, destroy and restore with each Velero; afterwards all samples stand again."""
    annotations, document, before = samples.annotated(), plan(folder, text), samples.digests()
    mode = yaml.safe_load(text)["annotator"]["mode"]
    name = f"rules-{mode}-{datetime.now(UTC):%H%M%S}"
    backups = {}
    for version, used in velero.VERSIONS.items():
        with step(f"Velero {version} takes Backup {name}") as say:
            backups[version] = movement.back_up(used, name, samples.NAMESPACES, say, *options)
    taken = {}
    for version, used in velero.VERSIONS.items():
        with step(f"Velero {version} restores {name}") as say:
            samples.destroy(say)
            without = f"--exclude-namespaces={samples.ODD}"
            restore = movement.restore(used, f"{name}-restore", name, say, without)
            samples.wait_until_running(tuple(each for each in samples.NAMESPACES if each != samples.ODD))
            taken[version] = Taken(backups[version], restore, samples.digests())
    return Stage(annotations, document, before, taken)


@pytest.fixture(scope="module")
def ground(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The samples with their data, both versions of Velero and the controller; yields the block device."""
    if existing.chosen():
        pytest.skip("the block device is of the lab's own machines")
    for version in VERSIONS:
        velero.install(lab, version)
    with samples.block_device(tmp_path_factory.mktemp("device")) as device:
        try:
            node = lab.nodes[0].name
            samples.deploy(device, node)
            samples.fill()
            controller.deploy(lab, OPT_IN)
            yield device
        finally:
            clean()


def clean() -> None:
    """Remove what these tests made. The lab, where it was up before, stays."""
    with step("removing what the tests of the rules made") as say:
        if kubectl.get("-n", controller.NAMESPACE, "deployment", controller.NAME):
            controller.remove()
        for used in velero.VERSIONS.values():
            movement.delete_all(used, say)
        samples.remove(say)


@pytest.fixture(scope="module")
def opt_in(lab: Lab, ground: str, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    wanted = samples.expected(BACKUP, samples.OPT_IN)
    wait_until(lambda: samples.annotated() == wanted, "the annotations of opt-in mode", seconds=60)
    time.sleep(SETTLING_SECONDS)
    return stage(tmp_path_factory.mktemp("opt-in"), OPT_IN)


@pytest.fixture(scope="module")
def to_opt_out(lab: Lab, ground: str, opt_in: Stage) -> Switch:
    samples.deploy(ground, lab.nodes[0].name)
    samples.fill()
    wanted = samples.expected(BACKUP, samples.OPT_IN)
    wait_until(lambda: samples.annotated() == wanted, "the annotations of opt-in mode", seconds=60)
    return switch(OPT_OUT, samples.expected(EXCLUDES, samples.OPT_OUT))


@pytest.fixture(scope="module")
def opt_out(to_opt_out: Switch, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return stage(tmp_path_factory.mktemp("opt-out"), OPT_OUT, "--default-volumes-to-fs-backup")


@pytest.fixture(scope="module")
def to_opt_in(lab: Lab, ground: str, opt_out: Stage) -> Switch:
    samples.deploy(ground, lab.nodes[0].name)
    wanted = samples.expected(EXCLUDES, samples.OPT_OUT)
    wait_until(lambda: samples.annotated() == wanted, "the annotations of opt-out mode", seconds=60)
    return switch(OPT_IN, samples.expected(BACKUP, samples.OPT_IN))


@pytest.fixture(scope="module")
def refused(to_opt_in: Switch) -> str:
    """What `kubectl describe` says of the ConfigMap once a broken one was refused."""
    configure(BROKEN)
    describe = ["-n", controller.NAMESPACE, "describe", "configmap", controller.NAME]
    wait_until(
        lambda: "InvalidConfiguration" in kubectl.kubectl(*describe),
        "an Event on the ConfigMap",
        seconds=KUBELET_SECONDS,
        every=1,
    )
    return kubectl.kubectl(*describe)


@pytest.fixture(params=["opt-in", "opt-out"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def told(mode: str, request: pytest.FixtureRequest) -> Stage:
    """What was seen in the mode that is the parameter."""
    found: Stage = request.getfixturevalue(mode.replace("-", "_"))
    return found


def taken_in(mode: str) -> list[str]:
    """The volumes that a Backup is to take, by the table of samples."""
    return sorted(
        f"{pod.key}:{sample.name}"
        for pod, sample in samples.volumes()
        if (sample.opt_in if mode == "opt-in" else sample.opt_out)
    )


def test_each_pod_is_annotated_as_rules_objects_and_velero_have_it(told: Stage, mode: str) -> None:
    if mode == "opt-in":
        assert told.annotations == samples.expected(BACKUP, samples.OPT_IN)
    else:
        assert told.annotations == samples.expected(EXCLUDES, samples.OPT_OUT)


def test_the_plan_of_the_configuration_in_force_has_nothing_left_to_do(told: Stage) -> None:
    actions = {pod["action"] for pod in told.plan["pods"] if pod["namespace"] in samples.NAMESPACES}
    assert actions == {"none", "foreign"}
    assert told.plan["summary"]["unchecked"] == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_backup_completes_and_takes_exactly_what_the_plan_says(
    told: Stage, mode: str, version: str
) -> None:
    backup = told.taken[version].backup
    assert (backup.phase, backup.errors) == ("Completed", 0)
    assert moved(backup) == planned(told.plan)
    assert moved(backup) == taken_in(mode)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_restore_brings_back_every_volume_that_was_taken_and_no_other(
    told: Stage, mode: str, version: str
) -> None:
    taken = told.taken[version]
    assert (taken.restore.phase, taken.restore.errors) == ("Completed", 0)
    assert moved(taken.restore) == [key for key in taken_in(mode) if not key.startswith(f"{samples.ODD}/")]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", COMES_BACK)
def test_files_come_back_as_they_were_or_not_at_all(told: Stage, mode: str, key: str, version: str) -> None:
    before, after = told.before[key], told.taken[version].after[key]
    assert before.files, "the volume held files before it was destroyed"
    if key in taken_in(mode):
        assert before.difference(after) == ""
    else:
        assert after.files == {}


def test_to_opt_out_our_lists_go_our_exclusions_come_and_others_annotations_stay(
    to_opt_out: Switch,
) -> None:
    assert to_opt_out.before == samples.expected(BACKUP, samples.OPT_IN)
    assert to_opt_out.after == samples.expected(EXCLUDES, samples.OPT_OUT)


def test_back_to_opt_in_our_exclusions_go_our_lists_come_and_others_annotations_stay(
    to_opt_in: Switch,
) -> None:
    assert to_opt_in.before == samples.expected(EXCLUDES, samples.OPT_OUT)
    assert to_opt_in.after == samples.expected(BACKUP, samples.OPT_IN)


@pytest.mark.parametrize("name", ["to_opt_out", "to_opt_in"])
def test_a_switch_takes_seconds_once_the_file_is_there_and_no_restart(
    name: str, request: pytest.FixtureRequest
) -> None:
    seen: Switch = request.getfixturevalue(name)
    print(f"{name}: {seen}")
    assert seen.controller < CONTROLLER_SECONDS, str(seen)
    before, after = seen.replicas
    assert before == after
    assert set(after.values()) == {0}


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        ("rules-web/chosen-by-hand", ("ForeignAnnotation", f"Annotation {BACKUP} is 'a'", "'a,b'")),
        ("rules-shop/archive", ("VolumeNotBackedUp", "spare: no regular container mounts it")),
        ("rules-odd/device", ("VolumeNotBackedUp", "raw: a block device")),
        ("rules-odd/passing", ("VolumeNotBackedUp", "scratch: an ephemeral volume")),
        ("rules-odd/host", ("VolumeNotBackedUp", "host: a hostPath volume")),
    ],
    ids=[
        "a foreign annotation",
        "an unmounted volume",
        "a block device",
        "an ephemeral volume",
        "a hostPath",
    ],
)
def test_describing_a_pod_shows_what_is_amiss(to_opt_in: Switch, pod: str, said: tuple[str, ...]) -> None:
    namespace, name = pod.split("/")
    text = kubectl.kubectl("-n", namespace, "describe", "pod", name).partition("\nEvents:")[2]
    for words in said:
        assert words in text


def test_a_pod_that_is_as_it_should_be_has_no_event_of_ours(to_opt_in: Switch) -> None:
    text = kubectl.kubectl("-n", "rules-shop", "describe", "pod", "queue").partition("\nEvents:")[2]
    assert "velero-volume-controller" not in text
    assert "vvc.velero.io" not in text


def test_a_broken_configuration_is_told_on_the_configmap_with_its_line_and_key(refused: str) -> None:
    line = BROKEN.splitlines().index("    volumes: {storageClass: [rules-fast]}") + 1
    events = refused.partition("\nEvents:")[2]
    assert "The last good configuration stays in force." in events
    assert f"config.yml:{line}: " in events
    assert "storageClasses" in events, "the nearest key is named"


def test_the_last_good_configuration_goes_on_deciding(refused: str) -> None:
    container = {"name": "main", "image": "docker.io/local/busybox:1", "imagePullPolicy": "Never"}
    mount = {
        "command": ["sleep", "infinity"],
        "volumeMounts": [{"name": "data", "mountPath": "/volumes/data"}],
    }
    spec = {
        "terminationGracePeriodSeconds": 0,
        "containers": [container | mount],
        "volumes": [{"name": "data", "emptyDir": {}}],
    }
    metadata = {"name": "late", "namespace": "rules-shop", "labels": {"backup": "always"}}
    kubectl.apply(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))

    def annotation() -> str | None:
        pod = kubectl.get("-n", "rules-shop", "pod", "late")
        value: str | None = pod["metadata"].get("annotations", {}).get(BACKUP)
        return value

    wait_until(lambda: annotation() == "data", "the pod that came later is annotated", seconds=60)


def test_the_manifests_grant_all_that_was_needed(refused: str) -> None:
    for pod in replicas():
        told = lines(pod)
        assert "configuration reloaded" in {line["message"] for line in told}
        amiss = [line for line in told if "forbidden" in json.dumps(line).lower()]
        assert amiss == []
        assert "what may not be read goes unchecked" not in {line["message"] for line in told}
