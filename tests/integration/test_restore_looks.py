"""A run over many namespaces looks again and again: what is there is asked anew, and only what has changed
since is read whole again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace
from velero_volume_controller.api.cleanrestore import CleanRestoreStatus, Clearing, RestorePhase
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster as Target
from velero_volume_controller.kube.discovery import discover
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.look_live import look_live
from velero_volume_controller.restore.planned import Action, Plan, Planned
from velero_volume_controller.velero.model.backup_contents import Key

#: So many that one list of all is shorter than one of each.
MANY = 17
STATUS = CleanRestoreStatus(phase=RestorePhase.QUIESCING)


@dataclass
class Looks:
    """One client that counts what it asks."""

    control_plane: ControlPlane
    plan: Plan
    asked: int = 0
    counts: list[int] = field(default_factory=list)

    async def look(self, *known: Mapping[Key, Live]) -> dict[Key, Live]:
        def count(method: str, status: int) -> None:
            self.asked += 1

        async with Client.connect(Target(self.control_plane.kubeconfig), observer=count) as connected:
            discovery = await discover(connected)
            self.asked = 0
            live, _ = await look_live(connected, discovery, STATUS, self.plan, *known)
        self.counts.append(self.asked)
        return live


def spaces(namespace: Namespace) -> list[Namespace]:
    """Each with a pod and a ConfigMap, which has no generation."""
    made = [Namespace.create(namespace.api, f"{namespace.name}-{number}") for number in range(MANY)]
    for each in made:
        body: Any = {"metadata": {"name": "settings"}, "data": {"colour": "blue"}}
        each.core.create_namespaced_config_map(each.name, body)
        each.create_pod("web")
    return made


async def test_what_is_as_it_was_is_not_read_again_and_what_changed_is(
    control_plane: ControlPlane, namespace: Namespace
) -> None:
    made = await asyncio.to_thread(spaces, namespace)
    first, second, third = made[0], made[1], made[2]
    settings = [Key("", "ConfigMap", each.name, "settings") for each in made]
    planned = tuple(Planned(key, Action.DELETE, "the backup holds it", "u") for key in settings)
    looks = Looks(
        control_plane,
        Plan(Clearing(), ("b1",), planned, (), planned, "", targets={each.name: each.name for each in made}),
    )
    before = await looks.look()
    assert set(settings) <= set(before)
    again = await looks.look(before)
    assert again == before
    assert looks.counts[1] < looks.counts[0] - MANY

    body: Any = {"data": {"colour": "red"}}
    await asyncio.to_thread(first.core.patch_namespaced_config_map, "settings", first.name, body)
    await asyncio.to_thread(second.core.delete_namespaced_config_map, "settings", second.name)
    await asyncio.to_thread(third.set_phase, "web", "Succeeded")
    after = await looks.look(again)
    assert after == await looks.look()
    assert after[settings[0]].mark != before[settings[0]].mark
    assert settings[1] not in after
    assert after[Key("", "Pod", third.name, "web")].ended
    assert looks.counts[2] == looks.counts[1] + 2
