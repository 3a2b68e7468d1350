"""The client against a real API server: who it says it is, what it refuses to send, what it follows."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace
from velero_volume_controller.kube.client import MERGE_PATCH, Client, Limits
from velero_volume_controller.kube.credentials import Cluster
from velero_volume_controller.kube.errors import ApiError, Fenced, KubeconfigError, Unreachable
from velero_volume_controller.kube.lists import PAGE_SIZE, pages
from velero_volume_controller.kube.watches import Applied, Deleted, Event, Hooks, Key, Reflector, Synced


def service_account(namespace: Namespace, name: str) -> str:
    """The name that the API server knows it by."""
    namespace.core.create_namespaced_service_account(namespace.name, {"metadata": {"name": name}})
    return f"system:serviceaccount:{namespace.name}:{name}"


def token(namespace: Namespace, name: str) -> str:
    request: dict[str, Any] = {"spec": {"audiences": ["https://kubernetes.default.svc"]}}
    answer = namespace.core.create_namespaced_service_account_token(name, namespace.name, request)
    return str(answer.status.token)


def kubeconfig(control_plane: ControlPlane, path: Path, user: dict[str, Any]) -> Cluster:
    document = yaml.safe_load(control_plane.kubeconfig.read_text())
    document["users"][0]["user"] = user
    path.write_text(yaml.safe_dump(document))
    return Cluster(path)


async def whoami(client: Client) -> str:
    body = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
    answer = await client.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=body)
    return str(json.loads(answer)["status"]["userInfo"]["username"])


async def test_a_token_that_was_rotated_is_read_again(
    control_plane: ControlPlane, namespace: Namespace, tmp_path: Path
) -> None:
    first, second = service_account(namespace, "first"), service_account(namespace, "second")
    file = tmp_path / "token"
    file.write_text(token(namespace, "first"))
    async with Client.connect(
        kubeconfig(control_plane, tmp_path / "config", {"tokenFile": str(file)})
    ) as client:
        assert await whoami(client) == first
        namespace.core.delete_namespaced_service_account("first", namespace.name)
        file.write_text(token(namespace, "second"))
        await asyncio.sleep(11)  # the API server believes a token it has seen for ten seconds
        assert await whoami(client) == second


async def test_a_client_certificate_that_was_rotated_is_read_again(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    old = control_plane.authority.issue("rotated-old", common_name="old")
    new = control_plane.authority.issue("rotated-new", common_name="new")
    certificate, key = tmp_path / "crt", tmp_path / "key"
    certificate.write_bytes(old.certificate.read_bytes())
    key.write_bytes(old.key.read_bytes())
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    cluster = kubeconfig(control_plane, tmp_path / "config", user)
    async with Client.connect(cluster, Limits(credentials=1)) as client:
        assert await whoami(client) == "old"
        certificate.write_bytes(new.certificate.read_bytes())
        key.write_bytes(new.key.read_bytes())
        await asyncio.sleep(1.1)
        assert await whoami(client) == "new"


async def test_a_path_may_hold_colons_and_be_relative_and_name_files_beside_it(
    control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = control_plane.authority.issue("beside", common_name="beside")
    folder = tmp_path / "10:30"
    folder.mkdir()
    (folder / "crt").write_bytes(credential.certificate.read_bytes())
    (folder / "key").write_bytes(credential.key.read_bytes())
    user = {"client-certificate": "crt", "client-key": "key"}
    kubeconfig(control_plane, folder / "config", user)
    monkeypatch.chdir(tmp_path)
    async with Client.connect(Cluster(Path("10:30/config"))) as client:
        assert await whoami(client) == "beside"


async def test_a_server_may_be_named_without_https_where_there_are_certificates(
    control_plane: ControlPlane,
) -> None:
    cluster = Cluster(control_plane.kubeconfig, server=control_plane.server.removeprefix("https://"))
    async with Client.connect(cluster) as client:
        assert await whoami(client)


async def test_of_several_kubeconfigs_the_first_says_which_context_as_for_kubectl(
    control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / name for name in ("missing", "first", "second")]
    for path in paths[1:]:
        credential = control_plane.authority.issue(path.name, common_name=path.name)
        user = {"client-certificate": str(credential.certificate), "client-key": str(credential.key)}
        kubeconfig(control_plane, path, user)
        document = yaml.safe_load(path.read_text())
        document["users"][0]["name"] = document["contexts"][0]["context"]["user"] = path.name
        document["contexts"][0]["name"] = document["current-context"] = path.name
        path.write_text(yaml.safe_dump(document))
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, paths)))
    async with Client.connect(Cluster()) as client:
        assert await whoami(client) == "first"
    async with Client.connect(Cluster(context="second")) as client:
        assert await whoami(client) == "second"


async def test_an_exec_plugin_is_asked_for_a_token(
    control_plane: ControlPlane, namespace: Namespace, tmp_path: Path
) -> None:
    account = service_account(namespace, "plugin")
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token(namespace, "plugin")},
    }
    (tmp_path / "credential.json").write_text(json.dumps(credential))
    command = {"command": "cat", "args": [str(tmp_path / "credential.json")]}
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", **command}}
    async with Client.connect(kubeconfig(control_plane, tmp_path / "config", user)) as client:
        assert await whoami(client) == account


async def test_an_exec_plugin_that_fails_is_named(control_plane: ControlPlane, tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}}
    cluster = kubeconfig(control_plane, tmp_path / "config", user)
    with pytest.raises(KubeconfigError, match="exec: process returned 1"):
        async with Client.connect(cluster):
            pass


async def test_a_token_of_two_lines_is_an_error_that_does_not_show_it(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    cluster = kubeconfig(control_plane, tmp_path / "config", {"token": "secret\nsecret"})
    with pytest.raises(KubeconfigError, match="token") as caught:
        async with Client.connect(cluster) as client:
            await whoami(client)
    assert "secret" not in str(caught.value)


async def test_a_netrc_is_nothing_that_an_api_server_is_shown(
    control_plane: ControlPlane, namespace: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    account = service_account(namespace, "netrc")
    cluster = kubeconfig(control_plane, tmp_path / "config", {"token": token(namespace, "netrc")})
    async with Client.connect(cluster) as client:
        assert await whoami(client) == account


async def test_a_proxy_that_can_not_be_reached_is_named(control_plane: ControlPlane, tmp_path: Path) -> None:
    document = yaml.safe_load(control_plane.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["proxy-url"] = "http://user:password@127.0.0.1:1"
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    async with Client.connect(Cluster(tmp_path / "config")) as client:
        with pytest.raises(Unreachable, match=r"the proxy 127\.0\.0\.1:1") as caught:
            await whoami(client)
    assert "password" not in str(caught.value)


async def test_credentials_that_are_refused_are_an_error_and_no_loop(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    cluster = kubeconfig(control_plane, tmp_path / "config", {"token": "nonsense"})
    async with Client.connect(cluster) as client:
        with pytest.raises(ApiError, match=r"401 Unauthorized: .*credentials are not accepted"):
            await client.request("GET", "/api/v1/pods")


@pytest.mark.parametrize("refused_at", [1, 2], ids=["before the request", "when the body is written"])
async def test_a_write_that_the_guard_refuses_never_arrives(
    control_plane: ControlPlane, namespace: Namespace, refused_at: int
) -> None:
    namespace.create_pod("web")
    calls = 0

    def guard() -> None:
        nonlocal calls
        calls += 1
        if calls == refused_at:
            raise Fenced("no longer")

    async with Client.connect(Cluster(control_plane.kubeconfig)) as client:
        client.guard = guard
        path = f"/api/v1/namespaces/{namespace.name}/pods/web"
        body = b'{"metadata":{"annotations":{"x":"y"}}}'
        with pytest.raises(Fenced):
            await client.request("PATCH", path, body=body, content_type=MERGE_PATCH)
        assert await client.request("GET", path), "reading is allowed"
    assert namespace.annotations("web") == {}


async def test_a_list_longer_than_a_page_is_complete(
    control_plane: ControlPlane, namespace: Namespace
) -> None:
    names = {f"cm-{number}" for number in range(PAGE_SIZE + 20)}
    path = f"/api/v1/namespaces/{namespace.name}/configmaps"
    async with Client.connect(Cluster(control_plane.kubeconfig)) as client:
        bodies = [msgspec.json.encode({"metadata": {"name": name}}) for name in names]
        await asyncio.gather(*(client.request("POST", path, body=body) for body in bodies))
        found = [page async for page in pages(client, path)]
    assert len(found) == 2
    listed = {json.loads(bytes(item))["metadata"]["name"] for page in found for item in page.items}
    assert names <= listed


async def test_what_happens_while_nobody_watches_is_seen_afterwards(
    control_plane: ControlPlane, namespace: Namespace
) -> None:
    events: list[Event] = []
    path = f"/api/v1/namespaces/{namespace.name}/configmaps"
    for name in ("stays", "goes"):
        namespace.core.create_namespaced_config_map(namespace.name, {"metadata": {"name": name}})

    async with Client.connect(Cluster(control_plane.kubeconfig)) as client:
        reflector = Reflector(client, path, Hooks(lambda reason: None, lambda: None))

        async def follow(until: type[Event]) -> None:
            async with aclosing(reflector.events()) as stream:
                async for event in stream:
                    events.append(event)
                    if isinstance(event, until):
                        return

        await asyncio.wait_for(follow(Synced), 10)
        seen = {event.key.name for event in events if isinstance(event, Applied)}
        assert {"stays", "goes"} <= seen

        events.clear()
        namespace.core.delete_namespaced_config_map("goes", namespace.name)
        namespace.core.create_namespaced_config_map(namespace.name, {"metadata": {"name": "comes"}})
        await asyncio.wait_for(follow(Applied), 10)
    assert events[0] == Deleted(Key(namespace.name, "goes"))
    assert isinstance(events[1], Applied)
    assert events[1].key == Key(namespace.name, "comes")
