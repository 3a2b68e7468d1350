"""How long the plan of a CleanRestore takes for a large cluster, and how much it holds.

``python -m tests.bench.restore_plan``: prints figures and asserts nothing. Each is of a fresh process: what
the whole command takes, the dump's reading included, what plan() alone does, and what it takes to read the
same from a real API server.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import restore_gather

#: Of each Deployment: itself, its ReplicaSet, its pods, a Service, a ConfigMap, a Secret and a claim.
PODS = 3
PER_DEPLOYMENT = PODS + 6
DEPLOYMENTS = 10  # in a namespace

_MANAGED = [
    {"manager": "kubectl", "operation": "Update", "fieldsType": "FieldsV1",
     "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:replicas": {}}}}
]  # fmt: skip


def objects(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """About so many (kind in Velero's words, object), each as large as they are in common."""
    made = 0
    for space in range(1 + count // (PER_DEPLOYMENT * DEPLOYMENTS)):
        namespace = f"team-{space:04}"
        yield "v1/Namespace", _object("v1", "Namespace", "", namespace)
        made += 1
        for number in range(DEPLOYMENTS):
            if made >= count:
                return
            for kind, each in _application(namespace, f"app-{number}"):
                made += 1
                yield kind, each


def _application(namespace: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    template = {"metadata": {"labels": {"app": name}}, "spec": _pod_spec(name)}
    spec = {"replicas": PODS, "selector": {"matchLabels": {"app": name}}, "template": template}
    top = _object("apps/v1", "Deployment", namespace, name, spec=spec, generation=2)
    middle = _object("apps/v1", "ReplicaSet", namespace, f"{name}-5d8f96", spec=spec, owner=top, generation=1)
    yield "apps/v1/Deployment", top
    yield "apps/v1/ReplicaSet", middle
    for number in range(PODS):
        pod = _object(
            "v1", "Pod", namespace, f"{name}-5d8f96-x000{number}", spec=_pod_spec(name), owner=middle
        )
        pod["spec"]["nodeName"] = "node-1"
        pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}] * 4}
        yield "v1/Pod", pod
    yield "v1/Service", _object("v1", "Service", namespace, name, spec={"ports": [{"port": 80}]})
    yield "v1/ConfigMap", _object("v1", "ConfigMap", namespace, name, data={"config": "key: value\n" * 60})
    yield "v1/Secret", _object("v1", "Secret", namespace, name, data={"password": "c2VjcmV0" * 8})
    claim = {"volumeName": f"pv-{namespace}-{name}", "resources": {"requests": {"storage": "1Gi"}}}
    yield (
        "v1/PersistentVolumeClaim",
        _object("v1", "PersistentVolumeClaim", namespace, f"{name}-data", spec=claim),
    )


def _object(version: str, kind: str, namespace: str, name: str, **more: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": name,
        "uid": f"{kind}-{namespace}-{name}",
        "resourceVersion": "123456",
        "creationTimestamp": "2026-11-01T00:00:00Z",
        "labels": {"app": name, "app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}" * 40},
        "managedFields": _MANAGED,
    }
    if namespace:
        metadata["namespace"] = namespace
    if "generation" in more:
        metadata["generation"] = more.pop("generation")
    if owner := more.pop("owner", None):
        named = {"kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
        metadata["ownerReferences"] = [{"apiVersion": "apps/v1", **named, "controller": True}]
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def _pod_spec(name: str) -> dict[str, Any]:
    variables = [{"name": f"VARIABLE_{number}", "value": "a value of some length"} for number in range(10)]
    mounts = [{"name": "data", "mountPath": "/data"}]
    container = {
        "name": "main",
        "image": "registry.example.com/app:1.2.3",
        "env": variables,
        "volumeMounts": mounts,
    }
    data = {"name": "data", "persistentVolumeClaim": {"claimName": f"{name}-data"}}
    return {"containers": [container], "volumes": [data], "restartPolicy": "Always"}


def write(folder: Path, count: int) -> None:
    """A dump as kubectl prints it, and a description of a Backup that holds it all."""
    listed: dict[str, list[str]] = {}
    taken = []
    with (folder / "objects.json").open("w") as file:
        file.write('{\n    "apiVersion": "v1",\n    "items": [\n')
        for number, (kind, each) in enumerate(objects(count)):
            meta = each["metadata"]
            where = meta.get("namespace", "")
            listed.setdefault(kind, []).append(f"{where}/{meta['name']}" if where else meta["name"])
            if kind == "v1/Pod":
                taken.append({f"{where}/{meta['name']}": "data (size: 1000)"})
            file.write(",\n" if number else "")
            file.write(json.dumps(each, indent=4))
        file.write('\n    ],\n    "kind": "List"\n}\n')
    volumes = {"podVolumeBackups": {"podVolumeBackupsDetails": {"Completed": taken}}}
    described = {
        "metadata": {"name": "b1"},
        "phase": "Completed",
        "status": {"resourceList": listed, "backupVolumes": volumes},
    }
    (folder / "backup.json").write_text(json.dumps(described))


def measure(folder: Path, output: str) -> None:
    """The whole command in a process of its own."""
    command = [
        "restore",
        "plan",
        "--contents",
        str(folder / "backup.json"),
        "--objects",
        str(folder / "objects.json"),
    ]
    began = time.perf_counter()
    with (folder / output).open("wb") as file:
        ended = subprocess.Popen(
            [sys.executable, "-m", "velero_volume_controller", *command, "-o", output], stdout=file
        )
        _, status, used = _wait(ended)
    took = time.perf_counter() - began
    print(
        f"vvc restore plan -o {output}: {used.ru_utime + used.ru_stime:.2f} s of processor time"
        f" ({took:.2f} s), peak {used.ru_maxrss / 1024:.0f} MiB, exit status {status}"
    )


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, int, resource.struct_rusage]:
    pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return pid, process.returncode, used


def alone(folder: Path) -> None:
    """plan() in this process, which has read the same."""
    from velero_volume_controller.api.cleanrestore import Clearing  # noqa: PLC0415
    from velero_volume_controller.restore.cluster import read_cluster  # noqa: PLC0415
    from velero_volume_controller.restore.contents import read_contents  # noqa: PLC0415
    from velero_volume_controller.restore.plan import make_plan  # noqa: PLC0415
    from velero_volume_controller.restore.planned import Action, Input  # noqa: PLC0415

    contents = read_contents([((folder / "backup.json").read_bytes(), "backup.json")])
    cluster = read_cluster((folder / "objects.json").read_bytes(), "objects.json")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    made = make_plan(Input(Clearing(), contents, cluster))
    took = time.process_time() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"plan() alone: {took:.2f} s of processor time, {(after - before) / 1024:.0f} MiB above the peak of"
        f" reading; {made.count(Action.DELETE)} of {len(made.objects)} to delete,"
        f" {made.count(Action.BLOCKED)} blocked"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=50_000)
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone is not None:
        alone(options.alone)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, options.objects)
        size = (folder / "objects.json").stat().st_size
        print(f"{options.objects} objects, a dump of {size / 2**20:.0f} MiB", flush=True)
        for output in ("json", "text", "html"):
            measure(folder, output)
        subprocess.run([sys.executable, "-m", "tests.bench.restore_plan", "--alone", str(folder)], check=True)
        restore_gather.live(objects(options.objects), folder / "backup.json")


if __name__ == "__main__":
    main()
