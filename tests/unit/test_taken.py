"""Which volumes a Backup takes of a pod, and of all pods of a Backup."""

import msgspec
import pytest

from tests.unit.podmaker import make_pod
from velero_volume_controller.velero.model.annotations import BACKUP_VOLUMES, BACKUP_VOLUMES_EXCLUDES
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.taken import taken_of, taken_volumes

VOLUMES = {"data": "pvc", "tmp": "emptyDir", "token": "secret", "host": "hostPath"}


def taken(pod: Pod, *, default: bool = False) -> list[str]:
    return [volume.name for volume in taken_volumes(pod, Surroundings(), default=default)]


@pytest.mark.parametrize(
    ("annotations", "default", "names"),
    [
        ({}, False, []),
        ({BACKUP_VOLUMES: ""}, False, []),
        ({BACKUP_VOLUMES: "data,tmp"}, False, ["data", "tmp"]),
        ({BACKUP_VOLUMES: "data, tmp"}, False, ["data"]),
        ({BACKUP_VOLUMES: "token,host,gone"}, False, []),
        ({BACKUP_VOLUMES_EXCLUDES: "data"}, False, []),
        ({}, True, ["data", "tmp"]),
        ({BACKUP_VOLUMES: "data"}, True, ["data", "tmp"]),
        ({BACKUP_VOLUMES_EXCLUDES: "tmp"}, True, ["data"]),
    ],
)
def test_volumes_are_taken_by_annotation_and_default(
    annotations: dict[str, str], default: bool, names: list[str]
) -> None:
    assert taken(make_pod(volumes=VOLUMES, annotations=annotations), default=default) == names


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_nothing_is_taken_of_a_pod_that_does_not_run(phase: str) -> None:
    assert taken(make_pod(volumes=VOLUMES, phase=phase), default=True) == []


def test_a_claim_is_taken_by_the_first_pod_that_mounts_it() -> None:
    def named(name: str, namespace: str = "shop") -> Pod:
        pod = make_pod(namespace=namespace, volumes={"data": "pvc", "tmp": "emptyDir"})
        return msgspec.structs.replace(pod, metadata=msgspec.structs.replace(pod.metadata, name=name))

    pods = [named("web-1"), named("web-0"), named("web-0", "other")]
    found = {
        (pod.metadata.namespace, pod.metadata.name): [volume.name for volume in volumes]
        for pod, volumes in taken_of(pods, Surroundings(), default=True)
    }
    assert found == {
        ("other", "web-0"): ["data", "tmp"],
        ("shop", "web-0"): ["data", "tmp"],
        ("shop", "web-1"): ["tmp"],
    }
