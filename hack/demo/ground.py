"""What the story stands on, and leaving nothing of it behind."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hack.demo import movement
from hack.demo.applications import NAMESPACES
from hack.lab import cluster, controller, existing, kubectl, places, storage, velero
from hack.lab.cluster import Lab
from hack.lab.progress import console, step
from hack.lab.shell import LabError
from hack.lab.velero import Knobs, Velero

DELETION_SECONDS = 180
#: Several volumes of a node at a time: a restore takes half a minute, and not one. Not with restic: there,
#: the first of two that ends takes away the password of both.
KNOBS = {"kopia": Knobs(node_load=3), "restic": Knobs()}


@contextmanager
def ground(version: str, *, keep: bool = False) -> Iterator[tuple[Lab, Velero]]:
    """The lab with this version of Velero, and without leftovers of an earlier run.

    Afterwards, whatever happened, what the demo made is gone again, and so is the lab
    if it was down before, else Velero is as it was; `keep` leaves all, but not after an interruption or
    an error.
    """
    was_up = is_up()
    finished = False
    usual = velero.VERSIONS[version]
    try:
        lab = cluster.up(places.node_count())
        storage.install()
        installed = velero.install_as(lab, replace(usual, knobs=KNOBS[usual.uploader]))
        clean("removing what an earlier run left")
        yield lab, installed
        finished = True
    finally:
        if not (keep and finished):
            with _uninterrupted():
                _leave(was_up)
                if was_up and finished:
                    velero.install_as(lab, usual)


def is_up() -> bool:
    """Whether there is a cluster already: the lab, or one that someone else made."""
    return existing.chosen() or Lab.existing().control_plane.pid is not None


def clean(title: str) -> None:
    """Remove all that the demo makes: the controller, Backups, Restores, namespaces, volumes."""
    if not (_controllers() or _namespaces(NAMESPACES) or _versions_used()):
        return
    with step(title) as say:
        for namespace in _controllers():
            controller.remove(namespace)
        for used in _versions_used():
            movement.delete_all(used, say)
        destroy(say)


def destroy(say: Callable[[str], None], namespaces: tuple[str, ...] = NAMESPACES) -> None:
    """Delete the sample namespaces and wait until they and their volumes are really gone."""
    kubectl.kubectl("delete", "namespace", *namespaces, "--ignore-not-found", "--wait=false")
    deadline = time.monotonic() + DELETION_SECONDS
    while left := _namespaces(namespaces) + _volumes(namespaces):
        say(f"{len(left)} namespaces and volumes left")
        if time.monotonic() > deadline:
            raise LabError(
                f"still there {DELETION_SECONDS} s after the namespaces' deletion: {', '.join(left)};"
                " see `kubectl describe` of them"
            )
        time.sleep(0.5)


def save_logs(used: Velero, folder: Path) -> None:
    """Save the controller's and Velero's logs, for who wants to know why something failed."""
    folder.mkdir(parents=True, exist_ok=True)
    for namespace, workload in (
        (used.namespace, f"deployment/{controller.NAME}"),
        (used.namespace, "deployment/velero"),
        (used.namespace, "daemonset/node-agent"),
    ):
        name = workload.replace("/", "-")
        try:
            text = kubectl.kubectl("-n", namespace, "logs", workload, "--all-pods", "--tail=5000")
        except LabError as error:
            text = f"{error}\n"
        (folder / f"{name}.log").write_text(text)


def _leave(was_up: bool) -> None:
    try:
        if kubectl.answers():
            clean("removing what the demo made")
    except LabError as error:
        console.print(f"[red]✘[/] {error}", markup=True)
    finally:
        if not was_up:
            cluster.down()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C, here and in the commands started here, so that cleaning up is not cut off."""
    former = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _versions_used() -> list[Velero]:
    """The installed versions that know Backups or Restores of the demo's."""
    if kubectl.get("crd", "backups.velero.io") is None:
        return []
    return [used for used in velero.VERSIONS.values() if movement.of_demo(used)]


def _controllers() -> list[str]:
    """The namespaces in which there is one."""
    namespaces = (used.namespace for used in velero.VERSIONS.values())
    return [name for name in namespaces if kubectl.get("-n", name, "deployment", controller.NAME) is not None]


def _namespaces(names: tuple[str, ...]) -> list[str]:
    return [name for item in kubectl.items("namespaces") if (name := str(item["metadata"]["name"])) in names]


def _volumes(namespaces: tuple[str, ...]) -> list[str]:
    return [
        str(item["metadata"]["name"])
        for item in kubectl.items("persistentvolumes")
        if item["spec"].get("claimRef", {}).get("namespace") in namespaces
    ]
