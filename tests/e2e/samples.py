"""What the native rules are tried on: pods with every kind of volume, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hack.demo.applications import FEW, Volume

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


def expected(key: str, values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The annotations when the annotator has written `values` under this key, each with its marker."""
    told: dict[str, dict[str, str]] = {}
    for pod in PODS:
        by_hand = {name: value for name, value in pod.annotations.items() if name in MARKERS}
        value = values.get(pod.key)
        ours = {} if value is None else {key: value, MARKERS[key]: value}
        told[pod.key] = by_hand | ours
    return told
