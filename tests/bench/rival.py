"""The rival of the annotator: a bare loop of the same PATCHes, nothing decided, nothing checked.

Run as a process of its own: rival KUBECONFIG NAMESPACE CONNECTIONS set|strip. Prints the
writes and the seconds from the first to the last as JSON. A pod watch beside it is read
and thrown away, for the controller has one too.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import aiohttp
import uvloop
import yaml

KEYS = ("backup.velero.io/backup-volumes", "vvc.velero.io/backup-volumes")
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


def access(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    """The server and a TLS context from a kubeconfig with embedded client certificates."""
    document = yaml.safe_load(kubeconfig.read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as pem:
        for part in ("client-certificate-data", "client-key-data"):
            pem.write(base64.b64decode(user[part]))
        pem.flush()
        context.load_cert_chain(pem.name)
    return cluster["server"], context


def patch(metadata: dict[str, str], value: str | None) -> bytes:
    """The same as the controller's: of this version of this pod or of none."""
    named = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    return json.dumps({"metadata": {**named, "annotations": dict.fromkeys(KEYS, value)}}).encode()


async def waste_watch(session: aiohttp.ClientSession, server: str, version: str) -> None:
    """Reads all pod events and does nothing with them."""
    query = {"watch": "1", "resourceVersion": version}
    async with session.get(
        f"{server}/api/v1/pods", params=query, timeout=aiohttp.ClientTimeout(total=None)
    ) as stream:
        async for _ in stream.content.iter_any():
            pass


async def measure(kubeconfig: Path, namespace: str, connections: int, value: str | None) -> dict[str, float]:
    """Write the annotations of every pod of a namespace over so many connections."""
    server, context = access(kubeconfig)
    connector = aiohttp.TCPConnector(ssl=context, limit=connections + 1)
    path = f"{server}/api/v1/namespaces/{namespace}/pods"
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(path) as answer:
            pods = await answer.json()
        patches = iter([(pod["metadata"]["name"], patch(pod["metadata"], value)) for pod in pods["items"]])
        watching = asyncio.create_task(waste_watch(session, server, pods["metadata"]["resourceVersion"]))

        async def work() -> None:
            for name, body in patches:
                async with session.patch(f"{path}/{name}", data=body, headers=MERGE_PATCH) as answer:
                    answer.raise_for_status()
                    await answer.read()

        started = time.monotonic()
        await asyncio.gather(*(work() for _ in range(connections)))
        seconds = time.monotonic() - started
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    return {"writes": len(pods["items"]), "seconds": seconds}


if __name__ == "__main__":
    arguments = sys.argv[1:]
    wanted = "data" if arguments[3] == "set" else None
    print(json.dumps(uvloop.run(measure(Path(arguments[0]), arguments[1], int(arguments[2]), wanted))))
