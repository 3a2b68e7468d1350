"""Talking to the lab's API server as a person does: with kubectl."""

from __future__ import annotations

import json
import os
from typing import Any

from hack.lab import places
from hack.lab.binaries import binary
from hack.lab.shell import LabError, run, succeeds


def kubeconfig() -> str:
    """The kubeconfig in use: VVC_TEST_KUBECONFIG's cluster, else the lab's."""
    return os.environ.get("VVC_TEST_KUBECONFIG") or str(places.KUBECONFIG)


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
    """Run kubectl and return its output; raises LabError when it fails."""
    return run(command(*arguments), stdin=stdin, timeout=timeout)


def apply(manifest: str) -> None:
    """Apply a manifest on the server's side, as an owner that wins conflicts."""
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)


def get(*arguments: str) -> Any:
    """What `kubectl get ARGUMENTS` finds, as JSON; None when it is not there."""
    text = kubectl("get", *arguments, "--ignore-not-found", "-o", "json")
    return json.loads(text) if text.strip() else None


def items(*arguments: str) -> list[Any]:
    """The objects that `kubectl get ARGUMENTS` lists, as JSON."""
    found: list[Any] = json.loads(kubectl("get", *arguments, "-o", "json"))["items"]
    return found


def answers(path: str = "/readyz") -> bool:
    """Whether the API server answers a GET of this path with success."""
    return succeeds(command("get", "--raw", path, "--request-timeout=3s"))


def rollout(namespace: str, workload: str, seconds: int = 180) -> None:
    """Wait until a workload's pods are ready; raises LabError with their state otherwise."""
    try:
        kubectl("-n", namespace, "rollout", "status", workload, f"--timeout={seconds}s", timeout=seconds + 10)
    except LabError as error:
        pods = kubectl("-n", namespace, "get", "pods", "-o", "wide")
        events = kubectl("-n", namespace, "get", "events", "--sort-by=.lastTimestamp")[-2000:]
        raise LabError(
            f"{workload} in {namespace} is not ready after {seconds} s\n{pods}\n{events}"
        ) from error


def command(*arguments: str) -> list[str]:
    """The command line that runs kubectl of the lab's version with these arguments."""
    return [str(binary("kubelite")), "kubectl", f"--kubeconfig={kubeconfig()}", *arguments]
