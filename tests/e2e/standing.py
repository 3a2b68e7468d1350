"""The samples in the cluster: deployed, filled with data, looked into, destroyed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hack.demo import data, ground
from hack.demo.data import Digest
from hack.lab import kubectl
from hack.lab.shell import run
from tests.e2e.sample_objects import objects
from tests.e2e.samples import FAST, MARKERS, NAMESPACES, PODS, written


@contextmanager
def block_device(folder: Path) -> Iterator[str]:
    """A device of 16 MiB, seen by all machines of the lab; yields its path."""
    file = folder / "block-device"
    with file.open("wb") as opened:
        opened.truncate(16 << 20)
    path = run(["losetup", "--find", "--show", file]).strip()
    try:
        yield path
    finally:
        run(["losetup", "--detach", path])


def deploy(device: str, node: str) -> None:
    """Create what is missing of the samples and wait until every pod runs, or has ended."""
    kubectl.apply("\n---\n".join(json.dumps(item) for item in objects(device, node)))
    wait_until_running(NAMESPACES)


def wait_until_running(namespaces: tuple[str, ...]) -> None:
    """Wait until each pod runs, or has ended where that is its way."""
    for namespace in namespaces:
        at = ["-n", namespace, "wait", "pod", "--timeout=180s"]
        kubectl.kubectl(*at, "--for=condition=Ready", "-l=ends=no", timeout=200)
        if any(pod.ends and pod.key.startswith(f"{namespace}/") for pod in PODS):
            kubectl.kubectl(*at, "--for=jsonpath={.status.phase}=Succeeded", "-l=ends=yes", timeout=200)


def destroy(say: Callable[[str], None]) -> None:
    """Delete the namespaces, and wait until their volumes are gone too."""
    kubectl.kubectl("delete", "persistentvolume/rules-raw", "--ignore-not-found", "--wait=false")
    ground.destroy(say, NAMESPACES)


def remove(say: Callable[[str], None]) -> None:
    """`destroy`, and the storage class, which Velero does not restore."""
    destroy(say)
    kubectl.kubectl("delete", f"storageclass/{FAST}", "--ignore-not-found")


def found() -> dict[str, Any]:
    """The sample pods by NAMESPACE/NAME."""
    pods = kubectl.items("pods", "-A", "-l=ends")
    return {f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": pod for pod in pods}


def annotated() -> dict[str, dict[str, str]]:
    """Each sample pod's annotations that are Velero's or ours."""
    return {
        key: {
            name: value
            for name, value in pod["metadata"].get("annotations", {}).items()
            if name in {*MARKERS, *MARKERS.values()}
        }
        for key, pod in found().items()
    }


def fill() -> None:
    """Write files to every volume that has none."""
    pods = found()
    for key, volume in written():
        if not digest(pods, key).files:
            data.write(pods[volume.pod], volume)


def digests() -> dict[str, Digest]:
    """What every volume holds that can be looked into."""
    pods = found()
    return {key: digest(pods, key) for key, _ in written()}


def digest(pods: Mapping[str, Any], key: str) -> Digest:
    """What one volume holds."""
    volume = dict(written())[key]
    return data.digest(pods[volume.pod], volume)
