"""Makes the pods of a benchmark, as running as an API server without nodes can have them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import aiohttp
import uvloop

from tests.bench.requests import for_each
from tests.bench.rival import MERGE_PATCH


def pod(number: int) -> dict[str, object]:
    """A pod such as a StatefulSet makes: two volumes of its own, a token, labels, an environment."""
    name = f"pod-{number:05}"
    mounts = [{"name": volume, "mountPath": f"/{volume}"} for volume in ("data", "cache")]
    environment = [{"name": f"SETTING_{index}", "value": "x" * 40} for index in range(12)]
    container = {
        "name": "main",
        "image": "app",
        "env": environment,
        "volumeMounts": mounts,
    }
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{name}"}},
        {"name": "cache", "emptyDir": {}},
    ]
    labels = {"app.kubernetes.io/name": "app", "statefulset.kubernetes.io/pod-name": name}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"nodeName": f"node-{number % 50}", "containers": [container], "volumes": volumes},
    }


async def make(kubeconfig: Path, namespace: str, count: int) -> None:
    """``count`` pods, each in phase Running."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    running = json.dumps({"status": {"phase": "Running"}}).encode()

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        async with session.post(path, json=pod(number)) as answer:
            answer.raise_for_status()
        status = f"{path}/pod-{number:05}/status"
        async with session.patch(status, data=running, headers=MERGE_PATCH) as answer:
            answer.raise_for_status()

    await for_each(kubeconfig, range(count), one)


if __name__ == "__main__":
    uvloop.run(make(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
