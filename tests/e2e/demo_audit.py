"""The API server's audit log beside the plans of the demo's CleanRestores."""

from __future__ import annotations

from datetime import datetime

from hack.demo import restoring
from hack.lab import audit, controller, kubectl
from hack.lab.cluster import Lab
from hack.lab.velero import Velero
from tests.e2e import restores_audit
from tests.e2e.restores_audit import Allowed
from tests.e2e.restores_running import RunningRestore


def not_planned(lab: Lab, velero: Velero, since: datetime) -> list[str]:
    """What was deleted since, though no plan names it. To be asked while the CleanRestores are there."""
    runs = [RunningRestore(velero.namespace, name) for name in (restoring.RUN, restoring.UNDO)]
    restores = kubectl.items("-n", velero.namespace, "restores.velero.io")
    allowed = Allowed(
        controller=controller.user(velero.namespace),
        velero=f"system:serviceaccount:{velero.namespace}:velero",
        plans=tuple(run.kept_plan() for run in runs),
        restores=frozenset(each["metadata"]["name"] for each in restores),
    )
    return restores_audit.not_planned(audit.folder(lab.control_plane), since, allowed)
