"""A test cluster that someone else made: kind, or the one VVC_TEST_KUBECONFIG names.

VVC_TEST_KUBECONFIG  its kubeconfig; namespace kube-system must carry the label
                     vvc.velero.io/test-cluster=true, for tests delete namespaces
VVC_TEST_LOAD        a command that brings an image archive, its last argument, to the
                     nodes; without it the images must be there already
VVC_TEST_S3_URL      where an S3 with bucket `velero` and the lab's keys answers
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from hack.lab import kubectl
from hack.lab.shell import LabError, run

LABEL = "vvc.velero.io/test-cluster"


def chosen() -> bool:
    """Whether a cluster that exists is to be used instead of the lab's machines."""
    return bool(os.environ.get("VVC_TEST_KUBECONFIG"))


def require() -> None:
    """Raise LabError unless the cluster answers and says it is for tests."""
    try:
        namespace = kubectl.get("namespace", "kube-system")
    except LabError as error:
        raise LabError(f"VVC_TEST_KUBECONFIG: {error}") from error
    if namespace["metadata"].get("labels", {}).get(LABEL) != "true":
        raise LabError(
            "VVC_TEST_KUBECONFIG: this cluster does not say that it is for tests, which delete namespaces."
            f" If it is: kubectl label namespace kube-system {LABEL}=true"
        )


def load(archives: Sequence[Path]) -> None:
    """Bring image archives to the cluster's nodes by VVC_TEST_LOAD, where that is set."""
    command = shlex.split(os.environ.get("VVC_TEST_LOAD", ""))
    for archive in archives if command else ():
        run([*command, archive], timeout=600)
