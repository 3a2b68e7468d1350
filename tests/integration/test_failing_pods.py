"""Pods that can't be written, and the others beside them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kubernetes import client

from tests.integration.cluster import Namespace, eventually
from tests.integration.process import LEASE, Vvc

#: More than there are workers.
FAILING = 60


@contextmanager
def silent_webhook(namespace: Namespace) -> Iterator[None]:
    """Someone's admission webhook for one namespace, which never answers: every write of a pod takes 2 s."""
    hooks = client.AdmissionregistrationV1Api(namespace.api)
    namespace.core.patch_namespace(namespace.name, {"metadata": {"labels": {"hooked": namespace.name}}})
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as deaf:
        hook = {
            "name": "silent.example.com",
            "clientConfig": {"url": f"https://127.0.0.1:{deaf.getsockname()[1]}/"},
            "rules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["pods"]}
            ],
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 2,
            "namespaceSelector": {"matchLabels": {"hooked": namespace.name}},
        }
        name = f"silent-{namespace.name}"
        hooks.create_validating_webhook_configuration({"metadata": {"name": name}, "webhooks": [hook]})
        try:
            yield
        finally:
            hooks.delete_validating_webhook_configuration(name)


@pytest.fixture
def failing(namespace: Namespace) -> Iterator[Namespace]:
    failing = Namespace.create(namespace.api, f"{namespace.name}-failing")
    yield failing
    failing.core.delete_collection_namespaced_pod(failing.name, grace_period_seconds=0)


def test_pods_that_fail_slowly_hold_up_no_others(namespace: Namespace, failing: Namespace, vvc: Vvc) -> None:
    for number in range(FAILING):
        failing.create_pod(f"pod-{number}")
    vvc.config.write_text(
        f"clusterServerCfg: {{leaseLockNamespace: {namespace.name}, leaseLockName: {LEASE}}}\n"
        f"veleroVolumeCfg: {{includeNamespaces: '{namespace.name},{failing.name}'}}\n"
    )
    with silent_webhook(failing):
        # The API server takes a moment to know of the webhook.
        eventually(lambda: refused(failing), True)
        replica = vvc.start_leading()
        eventually(lambda: replica.metric("vvc_pods", decision="failed"), FAILING, within=60)
        namespace.create_pod("healthy")
        assert eventually(lambda: namespace.value("healthy"), "data", within=8) < 8
        told = [line for line in replica.messages() if line.startswith("a pod could not be annotated")]
        assert len(told) == FAILING, "each is told once"
    eventually(lambda: replica.metric("vvc_pods", decision="failed"), 0, within=60)
    assert {failing.value(f"pod-{number}") for number in range(FAILING)} == {"data"}


def refused(namespace: Namespace) -> bool:
    try:
        namespace.core.patch_namespaced_pod(
            "pod-0", namespace.name, {"metadata": {"labels": {"x": "y"}}}, dry_run="All"
        )
    except client.ApiException as error:
        return error.status == 500
    return False
