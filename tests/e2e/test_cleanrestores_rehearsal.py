"""Rehearsals on real Velero, 1.18.3 with kopia and 1.16.2 with restic: data comes back beside what lives on.

In each, every file in the scratch namespace is as it was backed up, nothing of the application that lives on
is touched, nothing is left, and the API server's audit log says that the controller deleted no namespace but
those that it made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hack.lab import controller, kubectl
from hack.lab.progress import wait_until
from tests.e2e import restores_audit, restores_samples
from tests.e2e.restores_ground import Ground, filled, newest
from tests.e2e.restores_running import KeptPlan, RunningRestore
from tests.e2e.restores_samples import differences, shop, web

HELD = ("configmaps", "secrets", "persistentvolumeclaims", "pods", "statefulsets", "deployments", "services")


def live(namespace: str) -> dict[str, str]:
    """What is there, by its uids."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["uid"]
        for kind in HELD
        for each in kubectl.items("-n", namespace, kind)
    }


def volumes_of(namespace: str) -> list[Any]:
    found = kubectl.items("persistentvolumes")
    return [each for each in found if each["spec"].get("claimRef", {}).get("namespace") == namespace]


@contextmanager
def away(ground: Ground) -> Iterator[None]:
    """The controller is, for as long as it takes to look into the volumes: a crash, too."""
    scale = ["-n", ground.namespace, "scale", f"deployment/{controller.NAME}"]
    kubectl.kubectl(*scale, "--replicas=0")
    try:
        yield
    finally:
        kubectl.kubectl(*scale, "--replicas=2")


def scratch_of(run: RunningRestore) -> str:
    [made] = run.status()["rehearsal"]["namespaces"]
    return str(made["name"])


def watched(run: RunningRestore, *namespaces: str) -> None:
    """For the audit: nothing at all may be deleted in these, as if a plan of them named nothing."""
    run.plans.append(KeptPlan((), frozenset(), {name: name for name in namespaces}))


def nothing_left(ground: Ground, run: RunningRestore, scratch: str) -> None:
    assert kubectl.get("namespace", scratch) is None
    restores_samples.wait_until_gone([scratch])
    held = kubectl.items("-n", ground.namespace, "configmaps", "-l", "vvc.velero.io/holds=rehearsal")
    assert held == []
    deleted = restores_audit.by_user(ground._log(), run.since, controller.user(ground.namespace))
    assert {each.name for each in deleted if each.resource == "namespaces"} == {scratch}
    assert {each.resource for each in deleted} <= restores_audit.OWN


def test_a_database_is_rehearsed_beside_itself_and_its_data_is_as_it_was_backed_up(ground: Ground) -> None:
    app = shop(ground.name("shop"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    app.damage()
    damaged, there = app.digests(), live(app.namespace)
    with ground.restore({"source": {"backup": backup}, "rehearsal": {}}) as run:
        watched(run, app.namespace)
        run.wait_for(lambda status: len(status.get("restores", ())) == 1, "Velero is at work")
        scratch = scratch_of(run)
        with away(ground):
            name = run.status()["restores"][0]["name"]

            def restored() -> bool:
                found = kubectl.get("-n", ground.namespace, "restores.velero.io", name)
                return (found or {}).get("status", {}).get("phase", "") == "Completed"

            wait_until(restored, f"Restore {name} ends", seconds=180, every=0.5)
            kubectl.rollout(scratch, "statefulset/database")
            assert differences(before, app.digests(scratch)) == {}
            assert kubectl.items("-n", scratch, "services") == []
            theirs = {found["metadata"]["name"] for found in volumes_of(app.namespace)}
            for each in kubectl.items("-n", scratch, "persistentvolumeclaims"):
                assert each["spec"]["volumeName"] not in theirs
        status = run.wait_for_end()
        assert status["phase"] == "Completed", run.all_told()
        found = status["rehearsal"]
        assert found["volumes"] == len(app.volumes) == 2
        assert found["bytes"] >= sum(digest.size for digest in before.values())
        assert found["readySeconds"] >= found["dataSeconds"] > 0
        nothing_left(ground, run, scratch)
    assert app.digests() == damaged
    assert live(app.namespace) == there


@newest
def test_the_command_rehearses_all_kinds_of_workloads_and_says_what_it_does_not(ground: Ground) -> None:
    app = web(ground.name("web"))
    before = filled(app)[app.namespace]
    backup = ground.backup(app.namespace)
    there = live(app.namespace)
    told = json.loads(
        ground.vvc("restore", "rehearse", "--backup", backup, "-n", ground.namespace, "-o", "json")
    )
    assert told["phase"] == "Completed", told
    assert told["rehearsal"]["volumes"] >= 2, "two claims, and what is of no claim"
    run = RunningRestore(ground.namespace, told["name"])
    report = ground.vvc("restore", "report", told["name"], "-n", ground.namespace)
    assert "Rehearsal" in report
    assert "not rehearsed: Jobs would do their work a second time" in report
    assert f"CronJob {app.namespace}/tick" in report
    assert f"Service {app.namespace}/site" in report
    scratch = scratch_of(run)
    assert kubectl.get("namespace", scratch) is None
    assert volumes_of(scratch) == [] or restores_samples.wait_until_gone([scratch]) is None
    assert app.digests() == before
    kept = {key: uid for key, uid in there.items() if not key.startswith("Pod/tick")}
    assert kept.items() <= live(app.namespace).items()
    run.remove()
