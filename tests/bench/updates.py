"""A steady stream of pod status updates, and how soon the controller answers amid it.

Run as a process of its own: updates KUBECONFIG NAMESPACE RATE SECONDS. Once a second it takes the
annotation off a pod and measures the time until it is back. Prints JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from pathlib import Path

import aiohttp
import uvloop

from tests.bench.rival import KEYS, MERGE_PATCH, access

CONNECTIONS = 30


class Stream:
    """Updates pods of one namespace in turn."""

    def __init__(self, session: aiohttp.ClientSession, path: str, names: list[str]) -> None:
        self._session, self._path = session, path
        self._names = itertools.cycle(names)
        self.updates = 0
        self.answers: list[float] = []

    async def update(self) -> None:
        """One change of a pod's status, as a kubelet makes them."""
        self.updates += 1
        status = {"status": {"message": f"update {self.updates}"}}
        url = f"{self._path}/{next(self._names)}/status"
        async with self._session.patch(url, data=json.dumps(status), headers=MERGE_PATCH) as answer:
            answer.raise_for_status()

    async def probe(self) -> None:
        """Takes the annotations off one pod and waits for them."""
        url = f"{self._path}/{next(self._names)}"
        body = json.dumps({"metadata": {"annotations": dict.fromkeys(KEYS)}})
        async with self._session.patch(url, data=body, headers=MERGE_PATCH) as answer:
            answer.raise_for_status()
        started = time.monotonic()
        while True:
            async with self._session.get(url) as answer:
                pod = await answer.json()
            if KEYS[0] in (pod["metadata"].get("annotations") or {}):
                self.answers.append(time.monotonic() - started)
                return
            await asyncio.sleep(0.005)


async def run(kubeconfig: Path, namespace: str, rate: int, seconds: int) -> dict[str, object]:
    """Keeps the pace, or falls behind and says so by the rate reached."""
    server, context = access(kubeconfig)
    path = f"{server}/api/v1/namespaces/{namespace}/pods"
    connector = aiohttp.TCPConnector(ssl=context, limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(path) as answer:
            names = [pod["metadata"]["name"] for pod in (await answer.json())["items"]]
        stream, slots = Stream(session, path, names), asyncio.Semaphore(CONNECTIONS - 2)
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(rate * seconds):
                wait = started + number / rate - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                await slots.acquire()
                group.create_task(stream.update()).add_done_callback(lambda _: slots.release())
                if number % rate == 0:
                    group.create_task(stream.probe())
        elapsed = time.monotonic() - started
    return {"rate": stream.updates / elapsed, "seconds": elapsed, "answers": sorted(stream.answers)}


if __name__ == "__main__":
    kubeconfig, namespace, rate, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(run(Path(kubeconfig), namespace, int(rate), int(seconds)))))
