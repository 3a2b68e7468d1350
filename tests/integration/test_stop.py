"""SIGTERM at odd moments: it ends with status 0, soon, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.lab.certificates import write_kubeconfig
from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import LEASE, Replica, Vvc
from tests.integration.proxy import Proxy

ALLOWED = 10.0  # seconds, from the signal to the end


@pytest.fixture
def proxy(control_plane: ControlPlane, vvc: Vvc) -> Iterator[Proxy]:
    """Between `vvc` and the API server."""
    with Proxy(control_plane.port) as proxy:
        vvc.kubeconfig = write_kubeconfig(
            vvc.directory / "proxied", proxy.server, control_plane.authority, control_plane.admin
        )
        yield proxy


@pytest.fixture
def temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where `vvc` makes its temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def ends(replica: Replica, within: float = ALLOWED) -> None:
    status, seconds = replica.terminate()
    text = replica.log.read_text()
    assert status == 0, text
    assert seconds < within
    assert "Traceback" not in text
    assert "Error" not in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_while_it_asks_the_api_server_what_it_may_do(
    vvc: Vvc, proxy: Proxy, temporary_files: Path, number: signal.Signals
) -> None:
    proxy.freeze()
    replica = vvc.launch()
    eventually(lambda: proxy.connections > 0, True, within=30)
    assert replica.get("/livez") == "ok\n", "a slow API server is no reason to be killed"
    replica.signal(number)
    assert replica.process.wait(timeout=5) == 0
    assert replica.messages()[-1] == "stopped"
    assert os.listdir(temporary_files) == [], "the private key of the kubeconfig is left behind"


def test_before_it_serves_anything(vvc: Vvc) -> None:
    replica = vvc.launch()
    replica.line("configuration")
    ends(replica, within=5)


def test_while_an_exec_plugin_hangs(vvc: Vvc, tmp_path: Path) -> None:
    (tmp_path / "plugin").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "plugin").chmod(0o755)
    vvc.kubeconfig = tmp_path / "kubeconfig"
    vvc.kubeconfig.write_text(
        "{current-context: c, clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}],\n"
        "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: "
        f"{tmp_path / 'plugin'}}}}}}}],\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]}\n"
    )
    replica = vvc.launch()
    replica.line("serving health and metrics")
    ends(replica, within=5)


def test_while_it_waits_for_leadership(namespace: Namespace, vvc: Vvc) -> None:
    leader, other = vvc.start_leading(), vvc.start()
    other.line("another process leads")
    ends(other, within=5)
    assert namespace.holder(LEASE) == leader.identity, "it gave back a Lease that was not its own"


@pytest.mark.parametrize("options", [[], ["--no-leader-elect"]], ids=["leading", "without election"])
def test_while_the_api_server_answers_no_write(
    vvc: Vvc, proxy: Proxy, namespace: Namespace, options: list[str]
) -> None:
    for number in range(150):
        namespace.create_pod(f"pod-{number}")
    replica = vvc.start("--max-in-flight", "1", *options)
    eventually(lambda: replica.metric("vvc_api_requests_total", verb="PATCH") > 0, True)
    proxy.freeze()
    assert replica.metric("vvc_queue_depth") > 0, "there were too few pods for this test"
    ends(replica)
