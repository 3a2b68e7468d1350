"""What the API server writes down of deletions, as the lab has it written: uids, owners, and no Secret."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import pytest
from kubernetes import client

from hack.lab import audit
from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace, eventually

PASSWORD = "never-in-the-log"


@pytest.fixture
def since() -> datetime:
    return audit.now()


def found(control_plane: ControlPlane, since: datetime, namespace: Namespace) -> dict[str, str]:
    """The uids of what was deleted there, by resource and name."""
    entries = audit.entries(control_plane.directory / "audit", since)
    deleted = [each for each in audit.deletions(entries) if each.namespace == namespace.name]
    assert {each.user for each in deleted} <= {"admin"}
    return {f"{each.resource}/{each.name}": each.uid for each in deleted}


def test_a_deletion_is_known_by_its_uid_and_no_secret_is_written_down(
    control_plane: ControlPlane, namespace: Namespace, since: datetime
) -> None:
    core, name = namespace.core, namespace.name
    namespace.create_pod("pod")
    pod: Any = core.read_namespaced_pod("pod", name)
    secret: Any = core.create_namespaced_secret(
        name, {"metadata": {"name": "secret"}, "stringData": {"password": PASSWORD}}
    )
    held: Any = core.create_namespaced_secret(
        name, {"metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    )
    owner = {"apiVersion": "v1", "kind": "Secret", "name": "secret", "uid": secret.metadata.uid}
    owned: Any = core.create_namespaced_config_map(
        name, {"metadata": {"name": "owned", "ownerReferences": [owner]}}
    )
    core.delete_namespaced_pod("pod", name)
    core.delete_namespaced_secret("secret", name)
    precondition = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=held.metadata.uid))
    core.delete_namespaced_secret("held", name, body=precondition)
    core.delete_collection_namespaced_config_map(name)
    uids = {
        "pods/pod": pod.metadata.uid,
        "secrets/secret": secret.metadata.uid,
        "secrets/held": held.metadata.uid,
        "configmaps/owned": owned.metadata.uid,
    }
    # The API server answers first and writes then.
    eventually(lambda: found(control_plane, since, namespace), uids)
    owners = audit.owners(audit.entries(control_plane.directory / "audit", since))
    assert owners[owned.metadata.uid] == {secret.metadata.uid}
    text = "".join(path.read_text() for path in (control_plane.directory / "audit").iterdir())
    assert "secrets" in text
    assert PASSWORD not in text
    assert base64.b64encode(PASSWORD.encode()).decode() not in text
    core.patch_namespaced_secret("held", name, {"metadata": {"finalizers": []}})
