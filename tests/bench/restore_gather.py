"""How long it takes to read a large cluster for a plan, how much that holds, and how long it keeps others.

``python -m tests.bench.restore_plan`` runs it after the plans from dumps: the same objects on a real API
server, read by a fresh process that is given that server's kubeconfig and the Backup's description.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import uvloop

from hack.lab.controlplane import ControlPlane
from tests.bench.instrumented import pulse
from tests.bench.requests import for_each
from tests.bench.rival import MERGE_PATCH
from velero_volume_controller.api.cleanrestore import Clearing
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster as Target
from velero_volume_controller.restore.contents import Contents, read_contents
from velero_volume_controller.restore.gather import gather_cluster
from velero_volume_controller.restore.plan import make_plan
from velero_volume_controller.restore.planned import Action, Input

_FIRST: Final = frozenset({"v1/Namespace", "apps/v1/Deployment"})
#: What the API server says itself.
_SERVERS: Final = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")

Objects = Iterable[tuple[str, dict[str, Any]]]


def live(objects: Objects, backup: Path) -> None:
    """Put these objects on an API server, have them read, and print the figures."""
    with ControlPlane() as plane:
        began = time.monotonic()
        count = uvloop.run(_make(plane.kubeconfig, objects))
        print(f"{count} objects on an API server, made in {time.monotonic() - began:.0f} s", flush=True)
        command = [sys.executable, "-m", "tests.bench.restore_gather", str(plane.kubeconfig), str(backup)]
        subprocess.run(command, check=True)


async def measure(kubeconfig: Path, contents: Contents) -> None:
    """Read the cluster, plan, and print the figures; nothing else has happened in this process."""
    namespaces = frozenset(key.namespace for key in contents.items if key.namespace)
    stalls: list[tuple[float, float]] = []
    async with Client.connect(Target(kubeconfig)) as client:
        watching = asyncio.create_task(pulse(stalls))
        began, cpu = time.perf_counter(), time.process_time()
        cluster = await gather_cluster(client, namespaces)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        read = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        stalled = tuple(max(each, default=0.0) for each in zip(*stalls, strict=True)) or (0.0, 0.0)
        # In a thread, as the controller does.
        plan = await asyncio.to_thread(make_plan, Input(Clearing(), contents, cluster))
        whole = time.perf_counter() - began
        watching.cancel()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"read from the API server: {took:.2f} s ({cpu:.2f} s of processor time), peak {read / 1024:.0f} MiB,"
        f" event loop blocked for {stalled[1] * 1000:.0f} ms at most by our own work"
        f" ({stalled[0] * 1000:.0f} ms by the wall clock)"
    )
    print(
        f"and planned: {whole:.2f} s in all, peak {peak / 1024:.0f} MiB; {plan.count(Action.DELETE)} of"
        f" {len(plan.objects)} to delete, {plan.count(Action.BLOCKED)} blocked"
    )


async def _make(kubeconfig: Path, objects: Objects) -> int:
    """How many were made."""
    made = 0

    async def family_of(session: aiohttp.ClientSession, family: list[tuple[str, dict[str, Any]]]) -> None:
        nonlocal made
        uids: dict[str, str] = {}
        for kind, body in family:
            await _put(session, kind, body, uids)
            made += 1

    await for_each(kubeconfig, _families(objects), family_of)
    return made


def _families(objects: Objects) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Each a namespace, or an application whose owners come first."""
    family: list[tuple[str, dict[str, Any]]] = []
    for kind, body in objects:
        if kind in _FIRST and family:
            yield family
            family = []
        family.append((kind, body))
    yield family


async def _put(session: aiohttp.ClientSession, kind: str, body: dict[str, Any], uids: dict[str, str]) -> None:
    version, name = kind.rsplit("/", 1)
    metadata = body["metadata"]
    invented = metadata["uid"]
    for field in _SERVERS:
        metadata.pop(field, None)
    for owner in metadata.get("ownerReferences", ()):
        owner["uid"] = uids[owner["uid"]]
    if name == "PersistentVolumeClaim":
        body["spec"]["accessModes"] = ["ReadWriteOnce"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    place = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    path = f"{root}{place}/{name.lower()}s"
    while True:
        async with session.post(path, json=body) as answer:
            # The namespace is being made beside it.
            if answer.status != 404:
                answer.raise_for_status()
                uids[invented] = (await answer.json())["metadata"]["uid"]
                break
        await asyncio.sleep(0.05)
    if name == "Pod":
        status = json.dumps({"status": body["status"]})
        url = f"{path}/{metadata['name']}/status"
        async with session.patch(url, data=status, headers=MERGE_PATCH) as answer:
            answer.raise_for_status()


def main() -> None:
    """Print the figures of one server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("backup", type=Path)
    options = parser.parse_args()
    contents = read_contents([(options.backup.read_bytes(), options.backup.name)])
    uvloop.run(measure(options.kubeconfig, contents))


if __name__ == "__main__":
    main()
