"""Claims, volumes and namespaces decide too; what changes about them reaches their pods, and only those."""

from __future__ import annotations

import time

import pytest
from kubernetes import client

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import LEASE, Replica, Vvc
from tests.integration.proxy import Proxy
from tests.integration.test_start import LEASE_VERBS, POD_VERBS, grant
from velero_volume_controller.annotate.surroundings import Forbidden, LiveSurroundings
from velero_volume_controller.api.configuration import (
    Action,
    Configuration,
    NamespaceFilter,
    Operator,
    Requirement,
    Rule,
    VolumeFilter,
)
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster
from velero_volume_controller.observe.metrics import Metrics
from velero_volume_controller.velero.model.versions import NEWEST

BACKUP = "vvc.velero.io/backup"
SHOPS = (Requirement("shop", Operator.EXISTS),)


def decided(replica: Replica) -> float:
    """How many decisions were made so far."""
    return replica.metric("vvc_reconcile_duration_seconds_count")


def settle(replica: Replica) -> float:
    """Waits until no decision is made any more; how many there were."""
    before = -1.0
    while (now := decided(replica)) != before:
        before = now
        time.sleep(0.7)
    return now


def create_volume(namespace: Namespace, kind: str) -> str:
    """A PersistentVolume of this test's own; its name."""
    name = f"pv-{namespace.name}"
    source = {"hostPath": {"path": "/srv"}} if kind == "hostPath" else {"nfs": {"server": "s", "path": "/"}}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **source}
    namespace.core.create_persistent_volume({"metadata": {"name": name}, "spec": spec})
    return name


def test_a_claim_that_says_no_is_obeyed_as_soon_as_it_says_so(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_claim()
    namespace.create_pod("web")
    vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    namespace.annotate_claim("data", BACKUP, "false")
    eventually(lambda: namespace.value("web"), None)
    namespace.annotate_claim("data", BACKUP, None)
    eventually(lambda: namespace.value("web"), "data")


def test_a_namespace_that_says_no_is_obeyed_as_soon_as_it_says_so(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_pod("web")
    vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    namespace.annotate_itself(BACKUP, "false")
    eventually(lambda: namespace.value("web"), None)


def test_a_volume_of_a_fork_that_says_no_is_obeyed_as_soon_as_it_says_so(
    namespace: Namespace, vvc: Vvc
) -> None:
    volume = create_volume(namespace, "nfs")
    namespace.create_claim("data", volume)
    namespace.create_pod("web")
    vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    body = {"metadata": {"annotations": {"vvc.velero.io/backup-volume-exclude": "true"}}}
    namespace.core.patch_persistent_volume(volume, body)
    eventually(lambda: namespace.value("web"), None)


def test_a_claim_that_becomes_bound_to_a_folder_of_the_node_is_left_out(
    namespace: Namespace, vvc: Vvc
) -> None:
    namespace.create_claim()
    namespace.create_pod("web")
    vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    volume = create_volume(namespace, "hostPath")
    namespace.core.patch_namespaced_persistent_volume_claim(
        "data", namespace.name, {"spec": {"volumeName": volume}}
    )
    eventually(lambda: namespace.value("web"), None)


def test_an_annotation_that_can_not_be_understood_decides_nothing_and_is_told_on_the_pod(
    namespace: Namespace, vvc: Vvc
) -> None:
    namespace.create_claim("data")
    namespace.annotate_claim("data", BACKUP, "flase")
    namespace.create_pod("web", ("data", "cache"), annotations={BACKUP: "cache,dataa"})
    vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data,cache")
    eventually(lambda: len(namespace.events("AnnotationNotUnderstood")), 1)
    (event,) = namespace.events("AnnotationNotUnderstood")
    assert (event.regarding.kind, event.regarding.name) == ("Pod", "web")
    assert f"{BACKUP} on PersistentVolumeClaim data: 'flase' is neither true nor false" in event.note
    assert f"{BACKUP} on the pod: 'cache,dataa': dataa is no volume of the pod" in event.note


def test_a_block_device_is_never_annotated_not_even_for_a_moment(namespace: Namespace, vvc: Vvc) -> None:
    namespace.create_claim("data", mode="Block")
    for number in range(20):
        namespace.create_pod(f"pod-{number}")
    replica = vvc.start_leading()
    eventually(lambda: replica.metric("vvc_pods", decision="skip"), 20)
    assert replica.metric("vvc_api_requests_total", verb="PATCH") == 0


def test_only_the_pods_that_use_what_has_changed_are_decided_again(namespace: Namespace, vvc: Vvc) -> None:
    for number in range(10):
        namespace.create_claim(f"data-{number}")
        namespace.create_pod(f"pod-{number}", (f"data-{number}",))
    replica = vvc.start_leading()
    eventually(lambda: {namespace.value(f"pod-{n}") for n in range(10)}, {f"data-{n}" for n in range(10)})
    before = settle(replica)
    # One decision for the claim; and now and then one for the pod as we have written it, where the watch
    # is faster than the answer.
    namespace.annotate_claim("data-3", BACKUP, "false")
    eventually(lambda: namespace.value("pod-3"), None)
    after = settle(replica)
    assert after - before in {1, 2}
    # What decides nothing makes no decision.
    namespace.annotate_claim("data-4", "example.com/note", "hello")
    namespace.core.patch_namespaced_persistent_volume_claim_status(
        "data-4", namespace.name, {"status": {"phase": "Bound"}}
    )
    assert settle(replica) == after


def test_with_the_go_programs_permissions_pvcs_count_and_are_reported_unchecked(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc
) -> None:
    vvc.kubeconfig = grant(control_plane, namespace, POD_VERBS, LEASE_VERBS)
    namespace.create_claim("data", mode="Block")
    namespace.create_pod("web")
    namespace.create_pod("plain", ())
    replica = vvc.start_leading()
    eventually(lambda: namespace.value("web"), "data")
    assert replica.metric("vvc_pods", decision="unchecked") == 1
    assert replica.metric("vvc_pods", decision="skip") == 1
    said = [line for line in replica.lines() if line["message"] == "what may not be read goes unchecked"]
    missing = sorted(line["missing"] for line in said)
    resources = ("namespaces", "persistentvolumeclaims", "persistentvolumes")
    assert missing == [
        f"list {each} in every namespace; watch {each} in every namespace" for each in resources
    ]


def test_in_legacy_mode_nothing_but_pods_is_read(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc
) -> None:
    vvc.kubeconfig = grant(control_plane, namespace, POD_VERBS, LEASE_VERBS)
    namespace.create_pod("web")
    replica = vvc.start_leading("--ownership", "legacy")
    eventually(lambda: namespace.value("web"), "data")
    assert not [
        line
        for line in replica.lines()
        if line["message"] == "what may not be read goes unchecked"
        or (line["message"] == "listed" and line["path"] != "/api/v1/pods")
    ]
    assert replica.metric("vvc_pods", decision="backup") == 1


@pytest.mark.parametrize(
    ("rule", "resource"),
    [
        pytest.param(
            Rule("shops", Action.BACKUP, NamespaceFilter(selector=SHOPS)),
            "namespaces",
            id="labels of namespaces",
        ),
        pytest.param(
            Rule("shops", Action.BACKUP, volumes=VolumeFilter(claim_selector=SHOPS)),
            "persistentvolumeclaims",
            id="labels of claims",
        ),
        pytest.param(
            Rule("shops", Action.BACKUP, volumes=VolumeFilter(min_size=1)),
            "persistentvolumeclaims",
            id="sizes",
        ),
    ],
)
async def test_a_rule_that_needs_what_may_not_be_read_is_refused(
    control_plane: ControlPlane, namespace: Namespace, rule: Rule, resource: str
) -> None:
    kubeconfig = grant(control_plane, namespace, POD_VERBS, LEASE_VERBS)
    async with Client.connect(Cluster(kubeconfig)) as connected:
        surroundings = LiveSurroundings(connected, Metrics("test"), lambda coroutine: coroutine.close())
        with pytest.raises(Forbidden) as refused:
            await surroundings.prepare(Configuration(rules=(rule,), source="config.yml"), NEWEST)
    message = str(refused.value)
    assert message.startswith(f"config.yml: rule shops cannot be decided without {resource}")
    assert f"list {resource} in every namespace; watch {resource} in every namespace" in message


def test_a_right_that_is_lost_while_it_runs_counts_at_the_next_configuration(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc
) -> None:
    grant(control_plane, namespace, POD_VERBS, LEASE_VERBS)
    bind(namespace, "namespaces", "persistentvolumes")
    claims = bind(namespace, "persistentvolumeclaims")
    namespace.create_claim("data", labels={"tier": "gold"})
    namespace.create_pod("web")
    with Proxy(control_plane.port) as proxy:
        direct = control_plane.kubeconfig_for(f"user-{namespace.name}").read_text()
        vvc.kubeconfig = vvc.directory / "proxied"
        vvc.kubeconfig.write_text(direct.replace(control_plane.server, proxy.server))
        vvc.config.write_text(native(namespace, "volumes: {names: [data]}"))
        replica = vvc.start_leading()
        eventually(lambda: namespace.value("web"), "data")

        client.RbacAuthorizationV1Api(namespace.api).delete_cluster_role_binding(claims)
        # A watch that is open goes on; it is the next one that is refused.
        proxy.cut()
        eventually(lambda: forbidden(replica), True, within=30)
        vvc.config.write_text(native(namespace, "volumes: {claimSelector: {matchLabels: {tier: gold}}}"))
        refused = replica.line("the configuration was refused; the last good one stays in force")["error"]
        assert refused == (
            f"{vvc.config}: rule first cannot be decided without persistentvolumeclaims, and this user or"
            " service account may not: watch persistentvolumeclaims in every namespace. Grant it with a"
            " ClusterRole and a binding, as in the project's manifests, or take the condition out of the rule"
        )
        namespace.create_pod("late")
        eventually(lambda: namespace.value("late"), "data")

        vvc.config.write_text(native(namespace, "volumes: {names: [other]}"))
        replica.line("configuration reloaded")
        eventually(lambda: namespace.value("web"), None)


def bind(namespace: Namespace, *resources: str) -> str:
    """Lets this test's user follow these; the binding's name."""
    user = f"user-{namespace.name}"
    name = f"{user}-{resources[0]}"
    rule = {"apiGroups": [""], "resources": list(resources), "verbs": ["list", "watch"]}
    rbac = client.RbacAuthorizationV1Api(namespace.api)
    rbac.create_cluster_role({"metadata": {"name": name}, "rules": [rule]})
    rbac.create_cluster_role_binding(
        {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
    )
    return name


def forbidden(replica: Replica) -> bool:
    return (
        replica.metric("vvc_watch_restarts_total", resource="persistentvolumeclaims", reason="forbidden") > 0
    )


def native(namespace: Namespace, condition: str) -> str:
    return (
        "apiVersion: vvc.velero.io/v1alpha1\nkind: ControllerConfig\n"
        f"leaderElection: {{resourceNamespace: {namespace.name}, resourceName: {LEASE}}}\n"
        f"annotator: {{rules: [{{name: first, action: backup, {condition}}}]}}\n"
    )


async def test_where_nobody_may_ask_what_is_allowed_it_is_tried(
    control_plane: ControlPlane, namespace: Namespace
) -> None:
    kubeconfig = grant(control_plane, namespace, POD_VERBS, LEASE_VERBS)
    rbac = client.RbacAuthorizationV1Api(namespace.api)
    binding = rbac.read_cluster_role_binding("system:basic-user")
    rbac.delete_cluster_role_binding(binding.metadata.name)
    try:
        async with Client.connect(Cluster(kubeconfig)) as connected:
            surroundings = LiveSurroundings(connected, Metrics("test"), lambda coroutine: coroutine.close())
            found = await surroundings.prepare(Configuration(), NEWEST)
    finally:
        binding.metadata.resource_version = binding.metadata.uid = None
        rbac.create_cluster_role_binding(binding)
    assert (found.namespaces, found.claims, found.persistent_volumes) == (None, None, None)
