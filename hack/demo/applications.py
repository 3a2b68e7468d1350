"""The sample applications: what runs, what the ConfigMap says of it, and finding its pods."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.lab import kubectl

HERE = Path(__file__).parent
MANIFEST = HERE / "applications.yaml"
CONFIG = HERE / "config.yml"
NAMESPACES = ("demo-shop", "demo-web", "demo-scratch")
WORKLOADS = (
    ("demo-shop", "statefulset/database"),
    ("demo-web", "deployment/web"),
    ("demo-scratch", "deployment/builds"),
    ("demo-scratch", "deployment/wiki"),
)
ANNOTATION = "backup.velero.io/backup-volumes"

#: What no backup holds, and what a restore is therefore told to leave alone.
LEFT_ALONE = "app=builds"

RULED_IN = "the ConfigMap includes its type"
JOB_RULED_OUT = "excludeJobs: nightly-*"
NAMESPACE_RULED_OUT = "excludeNamespaces: demo-scratch"
BY_HAND = "its owner's own annotation"
NOT_BY_HAND = "not in its owner's annotation"


@dataclass(frozen=True)
class Contents:
    """What is written to a volume: one random file of each size in bytes, and many small ones."""

    sizes: tuple[int, ...] = ()
    small: int = 0


LARGE = Contents((0, 1, 4_096, 1_000_000, 5_000_003, 12 * 2**20), 200)
MIXED = Contents((10, 100_000, 3_000_000), 1_000)
MANY = Contents((4_095,), 3_000)
FEW = Contents((0, 70_000), 50)


@dataclass(frozen=True)
class Volume:
    """A volume of a sample pod, and whether a Velero Backup is to take it.

    `pod` is NAMESPACE/NAME, where the name of a Deployment's or Job's pod is its
    application's, so that it is the same in every run.
    """

    pod: str
    name: str
    type: str
    contents: Contents
    backed_up: bool
    because: str

    @property
    def key(self) -> str:
        """`NAMESPACE/POD:VOLUME`."""
        return f"{self.pod}:{self.name}"

    @property
    def left_alone(self) -> bool:
        """Whether the restore was told to."""
        return self.pod.partition("/")[2] == LEFT_ALONE.partition("=")[2]

    @property
    def starts_over(self) -> bool:
        """Whether it is of a Job, which runs anew after a restore: beside the pod that Velero restores, which
        has the data, the Job makes another one (its selector is a new one, 1.18, job_action.go)."""
        return self.pod.endswith("/nightly-report")


VOLUMES = (
    Volume("demo-shop/database-0", "data", "PVC", LARGE, True, RULED_IN),
    Volume("demo-shop/database-0", "imports", "emptyDir", FEW, True, RULED_IN),
    Volume("demo-shop/database-1", "data", "PVC", LARGE, True, RULED_IN),
    Volume("demo-shop/database-1", "imports", "emptyDir", FEW, True, RULED_IN),
    Volume("demo-web/web", "uploads", "PVC", MIXED, True, RULED_IN),
    Volume("demo-web/web", "cache", "emptyDir", MANY, True, RULED_IN),
    Volume("demo-web/nightly-report", "pages", "emptyDir", FEW, False, JOB_RULED_OUT),
    Volume("demo-scratch/builds", "workspace", "PVC", MIXED, False, NAMESPACE_RULED_OUT),
    Volume("demo-scratch/builds", "objects", "emptyDir", FEW, False, NAMESPACE_RULED_OUT),
    Volume("demo-scratch/wiki", "articles", "emptyDir", FEW, True, BY_HAND),
    Volume("demo-scratch/wiki", "drafts", "emptyDir", FEW, False, NOT_BY_HAND),
)

#: The exact annotation of every sample pod; None where there must be none.
ANNOTATIONS: dict[str, str | None] = {
    "demo-shop/database-0": "data,imports",
    "demo-shop/database-1": "data,imports",
    "demo-web/web": "uploads,cache",
    "demo-web/nightly-report": None,
    "demo-scratch/builds": None,
    "demo-scratch/wiki": "articles",
}


def deploy() -> None:
    """Create the applications and wait until every pod runs."""
    kubectl.apply(MANIFEST.read_text())
    wait_until_running()
    kubectl.kubectl(
        "-n", "demo-web", "wait", "pod", "-l=app=nightly-report", "--for=condition=Ready", "--timeout=120s"
    )


def wait_until_running() -> None:
    """Wait until the pods of the workloads that are there are ready; raises LabError with their state
    otherwise."""
    for namespace, workload in WORKLOADS:
        if kubectl.get("-n", namespace, workload) is not None:
            kubectl.rollout(namespace, workload)


def pods() -> dict[str, Any]:
    """The running sample pods by their key; of several with one key, the newest."""
    found: dict[str, Any] = {}
    for namespace in NAMESPACES:
        running = kubectl.items("-n", namespace, "pods", "-l=app", "--field-selector=status.phase=Running")
        for pod in sorted(running, key=lambda pod: str(pod["metadata"]["creationTimestamp"])):
            if "deletionTimestamp" not in pod["metadata"]:
                found[pod_key(pod)] = pod
    return found


def pod_key(pod: Any) -> str:
    """`NAMESPACE/NAME`, with the names of StatefulSets' pods and of others' applications."""
    metadata = pod["metadata"]
    labels = metadata["labels"]
    name = labels.get("statefulset.kubernetes.io/pod-name") or labels["app"]
    return f"{metadata['namespace']}/{name}"


def annotation(pod: Any) -> str | None:
    """The pod's list of volumes to back up."""
    value: str | None = pod["metadata"].get("annotations", {}).get(ANNOTATION)
    return value


def annotated_elsewhere() -> dict[str, str]:
    """The annotations of pods outside the sample namespaces, which the ConfigMap excludes."""
    return {
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": value
        for pod in kubectl.items("pods", "-A")
        if pod["metadata"]["namespace"] not in NAMESPACES and (value := annotation(pod)) is not None
    }
