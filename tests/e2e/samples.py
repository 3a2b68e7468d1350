"""What the native rules are tried on: pods with every kind of volume, and what becomes of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hack.demo import data, ground
from hack.demo.applications import FEW, Volume
from hack.demo.data import Digest
from hack.lab import images, kubectl
from hack.lab.shell import run

NAMESPACES = ("rules-shop", "rules-web", "rules-notes", "rules-tmp", "rules-odd")
#: Pods in it can't be restored whole: Velero restores no ephemeral volume's owner, no pod that has ended.
ODD = "rules-odd"
FAST = "rules-fast"
BACKUP = "backup.velero.io/backup-volumes"
EXCLUDES = "backup.velero.io/backup-volumes-excludes"
MARKERS = {BACKUP: "vvc.velero.io/backup-volumes", EXCLUDES: "vvc.velero.io/backup-volumes-excludes"}
SAYS = "vvc.velero.io/backup"


@dataclass(frozen=True)
class Sample:
    """A volume: its source as the pod's spec has it, and what a Backup takes in each mode, and why."""

    name: str
    source: Mapping[str, Any]
    opt_in: bool
    opt_out: bool
    because: str
    mounted: bool = True

    @property
    def kind(self) -> str:
        """The field of the source."""
        return next(iter(self.source))


@dataclass(frozen=True)
class Pod:
    """A sample pod. `key` is NAMESPACE/NAME."""

    key: str
    volumes: tuple[Sample, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    ends: bool = False


def _claim(name: str) -> dict[str, Any]:
    return {"persistentVolumeClaim": {"claimName": name}}


_EMPTY: dict[str, Any] = {"emptyDir": {}}
_TEMPLATE = {
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}},
}
_WANTED = {"backup": "yes"}

PODS = (
    Pod(
        "rules-shop/database",
        (
            Sample("data", _claim("database"), True, True, "rule fast"),
            Sample("logs", _claim("logs"), False, False, "the default"),
            Sample("imports", _EMPTY, False, False, "the default"),
        ),
    ),
    Pod(
        "rules-shop/queue",
        (
            Sample("spool", _claim("queue"), True, True, "rule labelled"),
            Sample("cache", _EMPTY, True, True, "rule labelled"),
            Sample(
                "settings", {"configMap": {"name": "settings"}}, False, False, "Velero takes the ConfigMap"
            ),
        ),
        labels=_WANTED,
    ),
    Pod(
        "rules-shop/archive",
        (
            Sample("kept", _EMPTY, True, True, "rule labelled"),
            Sample("spare", _claim("spare"), False, False, "no container mounts it", mounted=False),
        ),
        labels=_WANTED,
    ),
    Pod(
        "rules-web/site",
        (
            Sample("uploads", _claim("data-uploads"), True, True, "rule small-data"),
            Sample("media", _claim("data-media"), False, False, "larger than rule small-data takes"),
            Sample("private", _claim("data-private"), False, False, "its claim says false"),
        ),
    ),
    Pod(
        "rules-web/wiki",
        (
            Sample("articles", _EMPTY, True, True, "its pod names it"),
            Sample("drafts", _EMPTY, False, False, "its pod names others"),
            Sample("index", _claim("index"), True, True, "its pod names it"),
        ),
        annotations={SAYS: "articles, index"},
    ),
    Pod(
        "rules-web/chosen-by-hand",
        (
            Sample("a", _EMPTY, True, True, "its owner's own list"),
            Sample("b", _EMPTY, False, True, "its owner's own list, which opt-out does not look at"),
        ),
        labels=_WANTED,
        annotations={BACKUP: "a"},
    ),
    Pod(
        "rules-web/excluded-by-hand",
        (
            Sample("a", _EMPTY, True, True, "rule labelled"),
            Sample("b", _EMPTY, True, False, "its owner's own list, which opt-in does not look at"),
        ),
        labels=_WANTED,
        annotations={EXCLUDES: "b"},
    ),
    Pod(
        "rules-notes/notes",
        (
            Sample("pages", _EMPTY, True, True, "its namespace says true"),
            Sample("draft", _claim("draft"), False, False, "its claim says false, its namespace true"),
        ),
    ),
    Pod("rules-tmp/builder", (Sample("workspace", _claim("workspace"), False, False, "rule temporary"),)),
    Pod(
        "rules-odd/ended",
        (Sample("result", _claim("result"), False, False, "its pod has ended"),),
        labels=_WANTED,
        ends=True,
    ),
    Pod(
        "rules-odd/passing",
        (
            Sample("own", _EMPTY, True, True, "rule labelled"),
            Sample(
                "scratch",
                {"ephemeral": {"volumeClaimTemplate": _TEMPLATE}},
                False,
                False,
                "Velero fails to find it",
            ),
        ),
        labels=_WANTED,
    ),
    Pod(
        "rules-odd/host",
        (Sample("host", {"hostPath": {"path": "/var/tmp"}}, False, False, "Velero takes no hostPath"),),
        labels=_WANTED,
    ),
    Pod(
        "rules-odd/device",
        (Sample("raw", _claim("raw"), False, False, "a block device"),),
        labels=_WANTED,
    ),
)

#: What the annotator writes on each pod, by mode; pods that are not here get nothing.
OPT_IN = {
    "rules-shop/database": "data",
    "rules-shop/queue": "spool,cache",
    "rules-shop/archive": "kept",
    "rules-web/site": "uploads",
    "rules-web/wiki": "articles,index",
    "rules-web/excluded-by-hand": "a,b",
    "rules-notes/notes": "pages",
    "rules-odd/passing": "own",
}
OPT_OUT = {
    "rules-shop/database": "logs,imports",
    "rules-shop/archive": "spare",
    "rules-web/site": "media,private",
    "rules-web/wiki": "drafts",
    "rules-notes/notes": "draft",
    "rules-tmp/builder": "workspace",
    "rules-odd/ended": "result",
    "rules-odd/passing": "scratch",
    "rules-odd/device": "raw",
}

#: Claims by namespace: name, size, storage class (empty: the default's), annotations.
_CLAIMS: Mapping[str, tuple[tuple[str, str, str, Mapping[str, str]], ...]] = {
    "rules-shop": (
        ("database", "64Mi", FAST, {}),
        ("logs", "64Mi", "", {}),
        ("queue", "64Mi", "", {}),
        ("spare", "64Mi", "", {}),
    ),
    "rules-web": (
        ("data-uploads", "64Mi", "", {}),
        ("data-media", "200Mi", "", {}),
        ("data-private", "64Mi", "", {SAYS: "false"}),
        ("index", "64Mi", "", {}),
    ),
    "rules-notes": (("draft", "64Mi", "", {SAYS: "false"}),),
    "rules-tmp": (("workspace", "64Mi", FAST, {}),),
    "rules-odd": (("result", "64Mi", FAST, {}),),
}


def volumes() -> Iterator[tuple[Pod, Sample]]:
    """Every volume with its pod."""
    for pod in PODS:
        for sample in pod.volumes:
            yield pod, sample


def written() -> Iterator[tuple[str, Volume]]:
    """The volumes that are filled and digested, by NAMESPACE/POD:VOLUME: those of pods that come back."""
    for pod, sample in volumes():
        if not pod.key.startswith(ODD) and sample.mounted and sample.kind != "configMap":
            volume = Volume(pod.key, sample.name, sample.kind, FEW, sample.opt_in, sample.because)
            yield volume.key, volume


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
    objects = [*_shared(device, node), *map(_pod, PODS)]
    kubectl.apply("\n---\n".join(json.dumps(item) for item in objects))
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


def expected(key: str, values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The annotations when the annotator has written `values` under this key, each with its marker."""
    told: dict[str, dict[str, str]] = {}
    for pod in PODS:
        by_hand = {name: value for name, value in pod.annotations.items() if name in MARKERS}
        value = values.get(pod.key)
        ours = {} if value is None else {key: value, MARKERS[key]: value}
        told[pod.key] = by_hand | ours
    return told


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


def _shared(device: str, node: str) -> Iterator[dict[str, Any]]:
    """Everything but the pods."""
    default = kubectl.get("storageclass", "local-path")
    copied = {name: default[name] for name in ("provisioner", "reclaimPolicy", "volumeBindingMode")}
    volume_type = {"defaultVolumeType": "local"}
    yield {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": FAST, "annotations": volume_type},
        **copied,
    }
    for namespace in NAMESPACES:
        spoken = {SAYS: "true"} if namespace == "rules-notes" else {}
        yield {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "annotations": spoken},
        }
    settings = {"name": "settings", "namespace": "rules-shop"}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings, "data": {"colour": "green"}}
    for namespace, claims in _CLAIMS.items():
        for name, size, storage_class, spoken_by in claims:
            yield _claim_object(namespace, name, size, storage_class, spoken_by)
    yield from _raw(device, node)


def _claim_object(
    namespace: str, name: str, size: str, storage_class: str, spoken: Mapping[str, str]
) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace, "annotations": dict(spoken)},
        "spec": spec | ({"storageClassName": storage_class} if storage_class else {}),
    }


def _raw(device: str, node: str) -> Iterator[dict[str, Any]]:
    """A volume that is a block device, and its claim."""
    term = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    here = {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}}
    alike = {"accessModes": ["ReadWriteOnce"], "volumeMode": "Block", "storageClassName": ""}
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "rules-raw"},
        "spec": alike | {"capacity": {"storage": "16Mi"}, "local": {"path": device}, "nodeAffinity": here},
    }
    wanted = {"volumeName": "rules-raw", "resources": {"requests": {"storage": "16Mi"}}}
    metadata = {"name": "raw", "namespace": ODD}
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": alike | wanted,
    }


def _pod(pod: Pod) -> dict[str, Any]:
    namespace, name = pod.key.split("/")
    mounted = [sample for sample in pod.volumes if sample.mounted and sample.name != "raw"]
    devices = [sample for sample in pod.volumes if sample.name == "raw"]
    container = {
        "name": "main",
        "image": images.BUSYBOX_REFERENCE,
        "imagePullPolicy": "Never",
        "command": ["true"] if pod.ends else ["sleep", "infinity"],
        "volumeMounts": [{"name": each.name, "mountPath": f"/volumes/{each.name}"} for each in mounted],
        "volumeDevices": [{"name": each.name, "devicePath": f"/dev/{each.name}"} for each in devices],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"ends": "yes" if pod.ends else "no", **pod.labels},
            "annotations": dict(pod.annotations),
        },
        "spec": {
            "restartPolicy": "Never" if pod.ends else "Always",
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            "volumes": [{"name": each.name, **each.source} for each in pod.volumes],
        },
    }
