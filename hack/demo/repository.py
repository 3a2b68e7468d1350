"""restic's own view of the repositories that Velero 1.16 wrote."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from hack.lab import kubectl, s3
from hack.lab.cluster import Lab
from hack.lab.shell import run
from hack.lab.velero import Velero


@dataclass(frozen=True)
class Repository:
    """A namespace's repository: the paths of the files in each of its snapshots, by short id.

    `printed` is what `restic snapshots` shows a person.
    """

    namespace: str
    location: str
    printed: str
    snapshots: Mapping[str, tuple[str, ...]]


def read(lab: Lab, velero: Velero, namespace: str) -> Repository:
    """Open a namespace's repository with restic and list it."""
    location = f"s3:{s3.url(lab.s3)}/{s3.BUCKET}/{velero.prefix}/restic/{namespace}"
    secret = kubectl.get("-n", velero.namespace, "secret", "velero-repo-credentials")
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": s3.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": s3.SECRET_KEY,
        "RESTIC_REPOSITORY": location,
        "RESTIC_PASSWORD": base64.b64decode(secret["data"]["repository-password"]).decode(),
    }

    def restic(*arguments: str) -> str:
        # Neither a lock in the repository, which is Velero's, nor a cache on this machine.
        return run(["restic", "--no-lock", "--no-cache", *arguments], environment=environment, timeout=60)

    known = [snapshot["short_id"] for snapshot in json.loads(restic("snapshots", "--json"))]
    return Repository(
        namespace=namespace,
        location=location,
        printed=restic("snapshots", "--compact"),
        snapshots={snapshot: _files(restic("ls", "--json", snapshot)) for snapshot in known},
    )


def _files(listing: str) -> tuple[str, ...]:
    """The files in what `restic ls --json` prints: a snapshot, then its nodes, a line each."""
    nodes = (json.loads(line) for line in listing.splitlines() if line)
    return tuple(node["path"] for node in nodes if node.get("type") == "file")
