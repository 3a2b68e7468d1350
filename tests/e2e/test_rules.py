"""Native rules, what objects say for themselves and opt-out mode, on real Velero with real data.

The story is told once, in this order: both versions of Velero back up and restore in
opt-in mode; the ConfigMap is edited, and the same in opt-out mode; it is edited back;
at last a broken one is applied.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.demo import movement
from hack.lab import controller, existing, images, kubectl, velero
from hack.lab.cluster import Lab
from hack.lab.progress import step, wait_until
from tests.e2e import rules_story, samples, standing
from tests.e2e.rules_story import KUBELET_SECONDS, SETTLING_SECONDS, Stage, Switch
from tests.e2e.samples import BACKUP, EXCLUDES

OPT_IN = (Path(__file__).parent / "rules.yml").read_text()
OPT_OUT = OPT_IN.replace("mode: opt-in", "mode: opt-out")
BROKEN = OPT_IN.replace("storageClasses:", "storageClass:")
VERSIONS = tuple(velero.VERSIONS)
COMES_BACK = sorted(key for key, _ in samples.written())
# From the file's change to the last annotation: it must look the same for half a second, twice.
CONTROLLER_SECONDS = 5


@pytest.fixture(scope="module")
def ground(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The samples with their data, both versions of Velero and the controller; yields the block device."""
    if existing.chosen():
        pytest.skip("the block device is of the lab's own machines")
    for version in VERSIONS:
        velero.install(lab, version)
    with standing.block_device(tmp_path_factory.mktemp("device")) as device:
        try:
            node = lab.nodes[0].name
            standing.deploy(device, node)
            standing.fill()
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
        standing.remove(say)


@pytest.fixture(scope="module")
def opt_in(lab: Lab, ground: str, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    wanted = samples.expected(BACKUP, samples.OPT_IN)
    wait_until(lambda: standing.annotated() == wanted, "the annotations of opt-in mode", seconds=60)
    time.sleep(SETTLING_SECONDS)
    return rules_story.stage(tmp_path_factory.mktemp("opt-in"), OPT_IN)


@pytest.fixture(scope="module")
def to_opt_out(lab: Lab, ground: str, opt_in: Stage) -> Switch:
    standing.deploy(ground, lab.nodes[0].name)
    standing.fill()
    wanted = samples.expected(BACKUP, samples.OPT_IN)
    wait_until(lambda: standing.annotated() == wanted, "the annotations of opt-in mode", seconds=60)
    return rules_story.switch(OPT_OUT, samples.expected(EXCLUDES, samples.OPT_OUT))


@pytest.fixture(scope="module")
def opt_out(to_opt_out: Switch, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return rules_story.stage(tmp_path_factory.mktemp("opt-out"), OPT_OUT, "--default-volumes-to-fs-backup")


@pytest.fixture(scope="module")
def to_opt_in(lab: Lab, ground: str, opt_out: Stage) -> Switch:
    standing.deploy(ground, lab.nodes[0].name)
    wanted = samples.expected(EXCLUDES, samples.OPT_OUT)
    wait_until(lambda: standing.annotated() == wanted, "the annotations of opt-out mode", seconds=60)
    return rules_story.switch(OPT_IN, samples.expected(BACKUP, samples.OPT_IN))


@pytest.fixture(scope="module")
def refused(to_opt_in: Switch) -> str:
    """What `kubectl describe` says of the ConfigMap once a broken one was refused."""
    rules_story.configure(BROKEN)
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
    assert rules_story.moved(backup) == rules_story.planned(told.plan)
    assert rules_story.moved(backup) == taken_in(mode)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_restore_brings_back_every_volume_that_was_taken_and_no_other(
    told: Stage, mode: str, version: str
) -> None:
    taken = told.taken[version]
    assert (taken.restore.phase, taken.restore.errors) == ("Completed", 0)
    assert rules_story.moved(taken.restore) == [
        key for key in taken_in(mode) if not key.startswith(f"{samples.ODD}/")
    ]


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
    assert 0 < seen.controller < CONTROLLER_SECONDS, str(seen)
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
    container = {"name": "main", "image": images.BUSYBOX_REFERENCE, "imagePullPolicy": "Never"}
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
    for pod in rules_story.replicas():
        told = rules_story.lines(pod)
        assert "configuration reloaded" in {line["message"] for line in told}
        amiss = [line for line in told if "forbidden" in json.dumps(line).lower()]
        assert amiss == []
        assert "what may not be read goes unchecked" not in {line["message"] for line in told}
