"""What keeps it from starting is one message that says what to do, an exit status, and no traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from kubernetes import client, config

from hack.lab.certificates import Authority, write_kubeconfig
from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import Vvc

POD_VERBS = ["get", "list", "watch", "patch"]
LEASE_VERBS = ["get", "create", "update"]


def fails(vvc: Vvc, status: int, *words: str) -> None:
    check(vvc.run_to_end(), status, *words)


def check(ended: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    errors = [line for line in ended.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, ended.stderr
    for word in words:
        assert word in errors[0]


def grant(
    control_plane: ControlPlane, namespace: Namespace, pod_verbs: list[str], lease_verbs: list[str]
) -> Path:
    """A kubeconfig for a user of this test's own who may do exactly this."""
    user = f"user-{namespace.name}"
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": pod_verbs},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": lease_verbs},
    ]
    rbac = client.RbacAuthorizationV1Api(namespace.api)
    rbac.create_cluster_role({"metadata": {"name": user}, "rules": [rule for rule in rules if rule["verbs"]]})
    rbac.create_cluster_role_binding(
        {
            "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
    )
    return control_plane.kubeconfig_for(user)


def test_with_exactly_the_verbs_it_asks_for_it_works(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc
) -> None:
    vvc.kubeconfig = grant(control_plane, namespace, POD_VERBS, LEASE_VERBS)
    replica = vvc.start_leading()
    namespace.create_pod("web")
    eventually(lambda: namespace.value("web"), "data")
    assert replica.terminate()[0] == 0
    assert namespace.holder("velero-volume-controller") == "", "the Lease is given back"
    assert [message for message in replica.messages() if "could not" in message] == []


@pytest.mark.parametrize("missing", POD_VERBS)
def test_a_forbidden_verb_on_pods_is_named(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc, missing: str
) -> None:
    verbs = [verb for verb in POD_VERBS if verb != missing]
    vvc.kubeconfig = grant(control_plane, namespace, verbs, LEASE_VERBS)
    fails(vvc, 1, f"may not: {missing} pods in every namespace.", "ClusterRole")


@pytest.mark.parametrize("missing", LEASE_VERBS)
def test_a_forbidden_verb_on_leases_is_named(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc, missing: str
) -> None:
    verbs = [verb for verb in LEASE_VERBS if verb != missing]
    vvc.kubeconfig = grant(control_plane, namespace, POD_VERBS, verbs)
    fails(vvc, 1, f"may not: {missing} leases.coordination.k8s.io in namespace {namespace.name}.")


def test_where_nobody_may_ask_what_they_may_do_it_warns_and_works(
    control_plane: ControlPlane, namespace: Namespace, vvc: Vvc
) -> None:
    vvc.kubeconfig = grant(control_plane, namespace, POD_VERBS, LEASE_VERBS)
    rbac = client.RbacAuthorizationV1Api(namespace.api)
    binding = rbac.read_cluster_role_binding("system:basic-user")
    rbac.delete_cluster_role_binding(binding.metadata.name)
    try:
        replica = vvc.start_leading()
    finally:
        binding.metadata.resource_version = binding.metadata.uid = None
        rbac.create_cluster_role_binding(binding)
    assert any(message.startswith("could not ask which verbs") for message in replica.messages())


def test_a_cluster_without_velero(tmp_path: Path) -> None:
    """One of its own: the API server takes a minute to forget what Velero defines."""
    with ControlPlane() as own, config.new_client_from_config(str(own.kubeconfig)) as api:
        namespace = Namespace.create(api, "empty")
        namespace.create_pod("web")
        vvc = Vvc.for_namespace(own.kubeconfig, namespace.name, tmp_path)
        fails(vvc, 1, "Velero is not installed in this cluster", "install Velero")
        assert namespace.annotations("web") == {}


def test_a_lease_in_a_namespace_that_does_not_exist(vvc: Vvc) -> None:
    vvc.config.write_text("clusterServerCfg: {leaseLockNamespace: nowhere}\n")
    fails(vvc, 1, "namespace nowhere, where the Lease is kept, does not exist", "leaseLockNamespace")


def test_an_api_server_that_is_not_there(vvc: Vvc) -> None:
    text = vvc.config.read_text().replace(
        "leaseLockName:", "masterURL: 'https://127.0.0.1:1', leaseLockName:"
    )
    vvc.config.write_text(text)
    fails(vvc, 1, "https://127.0.0.1:1", "Connection refused", "is the API server running")


def test_a_server_whose_name_can_not_be_resolved(vvc: Vvc) -> None:
    text = vvc.config.read_text().replace("leaseLockName:", "masterURL: 'https://no.invalid', leaseLockName:")
    vvc.config.write_text(text)
    fails(vvc, 1, "no.invalid can't be resolved")


def test_a_server_that_another_authority_has_certified(
    control_plane: ControlPlane, vvc: Vvc, tmp_path: Path
) -> None:
    stranger = Authority.ensure(tmp_path / "pki")
    credential = stranger.issue("admin", common_name="admin", organization="system:masters")
    vvc.kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", control_plane.server, stranger, credential)
    fails(vvc, 1, "no TLS connection", "check the certificate authority")


def test_a_kubeconfig_that_is_not_there(vvc: Vvc) -> None:
    vvc.kubeconfig = Path("/nowhere/kubeconfig")
    fails(vvc, 1, "/nowhere/kubeconfig: there is no such kubeconfig")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        pytest.param("just words", "form", id="text"),
        pytest.param("a: [b", "expected ',' or ']'", id="no YAML"),
        pytest.param("", "form", id="empty"),
        pytest.param(
            "clusters: []\ncontexts: []\nusers: []\ncurrent-context: x\n", "name x", id="no such context"
        ),
    ],
)
def test_a_kubeconfig_that_is_broken(vvc: Vvc, tmp_path: Path, content: str, word: str) -> None:
    vvc.kubeconfig = tmp_path / "broken"
    vvc.kubeconfig.write_text(content)
    fails(vvc, 1, str(vvc.kubeconfig), word)


@pytest.mark.parametrize(
    ("cluster", "user", "word"),
    [
        pytest.param(
            f"https://{'a' * 64}.example", "token: x", "not a usable address", id="no such name can be"
        ),
        pytest.param(
            "https://127.0.0.1:1",
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin}",
            "exec plugin is not there",
            id="no such plugin",
        ),
        pytest.param("https://a', proxy-url: 'socks5://b", "token: x", "proxy", id="a proxy of another kind"),
    ],
)
def test_a_kubeconfig_that_can_not_work(vvc: Vvc, tmp_path: Path, cluster: str, user: str, word: str) -> None:
    vvc.kubeconfig = tmp_path / "kubeconfig"
    vvc.kubeconfig.write_text(
        f"clusters: [{{name: c, cluster: {{server: '{cluster}'}}}}]\n"
        f"users: [{{name: u, user: {{{user}}}}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\ncurrent-context: c\n"
    )
    fails(vvc, 1, word)


def test_a_configuration_that_is_not_there(vvc: Vvc) -> None:
    vvc.config = Path("/nowhere/config.yml")
    fails(vvc, 2, "/nowhere/config.yml")


def test_a_configuration_that_contradicts_itself(vvc: Vvc) -> None:
    vvc.config.write_text("veleroVolumeCfg: {includeNamespaces: a, excludeNamespaces: b}\n")
    fails(vvc, 2, "includeNamespaces", "excludeNamespaces")


def test_an_address_that_is_taken(vvc: Vvc) -> None:
    port = vvc.start().line("serving health and metrics")["port"]
    address = f"127.0.0.1:{port}"
    check(vvc.run_to_end("--metrics-address", address), 1, address, "choose another address")
