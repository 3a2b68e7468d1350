"""`vvc backup status` and `watch` on the real API server; the test is the controller and Velero."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from hack.lab.certificates import write_kubeconfig
from hack.lab.controlplane import ControlPlane
from tests.integration import velero_crds
from tests.integration.cluster import Namespace
from tests.integration.proxy import Proxy
from tests.integration.sets import GROUP, VERSION, install_crds, make
from velero_volume_controller.backup.naming import SET_UID
from velero_volume_controller.velero.model.pod_volume_backups import BACKUP_LABEL

VELERO = ("velero.io", "v1")
SCRIPT = Path(sys.executable).parent / "vvc"
#: Standard input of a command that must not wait for any.
DEVNULL = subprocess.DEVNULL


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Nightly:
    """The set `nightly` of one shard, its Backup and that Backup's only volume."""

    namespace: Namespace
    kubeconfig: Path

    @property
    def custom(self) -> client.CustomObjectsApi:
        return client.CustomObjectsApi(self.namespace.api)

    def create(self) -> None:
        made: Any = self.custom.create_namespaced_custom_object(
            GROUP, VERSION, self.namespace.name, "backupsets", make("BackupSet", "nightly", {})
        )
        uid = made["metadata"]["uid"]
        self.put("backups", "Backup", "nightly-shop-1", {SET_UID: uid}, {}, phase="InProgress")
        volume = {
            "node": "node1",
            "pod": {"kind": "Pod", "namespace": "shop", "name": "db-0"},
            "volume": "data",
            "backupStorageLocation": "default",
            "repoIdentifier": "r",
            "tags": {"backup": "nightly-shop-1"},
        }
        labels = {BACKUP_LABEL: "nightly-shop-1"}
        progress = {"totalBytes": 100 << 20, "bytesDone": 25 << 20}
        times = {"startTimestamp": ago(10)}
        self.put(
            "podvolumebackups", "PodVolumeBackup", "nightly-shop-1-x", labels, volume,
            phase="InProgress", progress=progress, **times,
        )  # fmt: skip

    def put(
        self, plural: str, kind: str, name: str, labels: dict[str, str], spec: dict[str, Any], **status: Any
    ) -> None:
        """An object of Velero's."""
        metadata = {"name": name, "labels": labels}
        body = {
            "apiVersion": "/".join(VELERO),
            "kind": kind,
            "metadata": metadata,
            "spec": spec,
            "status": status,
        }
        self.custom.create_namespaced_custom_object(*VELERO, self.namespace.name, plural, body)

    def report(self, phase: str, attempt: str, **more: Any) -> None:
        """What the controller says of the set and of its only attempt."""
        made = {
            "backup": "nightly-shop-1", "lane": self.namespace.name, "phase": attempt, "started": ago(20),
            **({"ended": ago(0)} if attempt != "InProgress" else {}),
        }  # fmt: skip
        shard = {
            "name": "shop", "namespaces": ["shop"], "lane": self.namespace.name, "predictedSeconds": 60,
            "attempts": [made],
        }  # fmt: skip
        plan = {"hash": "h", "shards": 1, "predictedSeconds": 60, "lowerBoundSeconds": 50}
        status = {"phase": phase, "started": ago(20), "plan": plan, "shards": [shard], **more}
        self.custom.patch_namespaced_custom_object_status(
            GROUP, VERSION, self.namespace.name, "backupsets", "nightly", {"status": status}
        )

    def command(self, *arguments: str) -> list[str]:
        access = ["--kubeconfig", str(self.kubeconfig), "-n", self.namespace.name]
        return [str(SCRIPT), "backup", *arguments, *access]

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **environment},
        )


@pytest.fixture
def nightly(api: client.ApiClient, control_plane: ControlPlane, namespace: Namespace) -> Nightly:
    install_crds(api)
    velero_crds.install(api)
    found = Nightly(namespace, control_plane.kubeconfig)
    found.create()
    return found


def test_status_shows_what_velero_does_now(nightly: Nightly) -> None:
    nightly.report("Running", "InProgress")
    shown = nightly.run("status", "nightly", COLUMNS="100")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"BackupSet {nightly.namespace.name}/nightly: Running" in shown.stdout
    assert "25 of 100 MiB" in shown.stdout
    assert "  db-0 data " in shown.stdout
    assert "\x1b" not in shown.stdout
    told = json.loads(nightly.run("status", "nightly", "-o", "json").stdout)
    assert told["shards"][0]["volumes"][0]["bytesDone"] == 25 << 20
    assert told["predictedEnd"] > ago(0)
    again = yaml.safe_load(nightly.run("status", "nightly", "-o", "yaml").stdout)
    assert again["shards"][0]["backup"] == "nightly-shop-1"


def test_without_the_right_to_read_backups_the_status_tells(
    nightly: Nightly, control_plane: ControlPlane
) -> None:
    user = f"user-{nightly.namespace.name}"
    rules = [{"apiGroups": [GROUP], "resources": ["backupsets"], "verbs": ["get", "list"]}]
    rbac = client.RbacAuthorizationV1Api(nightly.namespace.api)
    rbac.create_cluster_role({"metadata": {"name": user}, "rules": rules})
    rbac.create_cluster_role_binding(
        {
            "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
    )
    progress = {"bytesDone": 5 << 20, "bytesTotal": 50 << 20, "volumesDone": 0, "volumesTotal": 4}
    nightly.report("Running", "InProgress", progress=progress)
    nightly.kubeconfig = control_plane.kubeconfig_for(user)
    shown = nightly.run("status", "nightly", COLUMNS="100")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "5.0 of 50.0 MiB  0 of 4 volumes" in shown.stdout
    assert f"* you may not list backups.velero.io in namespace {nightly.namespace.name}" in shown.stdout
    assert "shop " in shown.stdout


def test_a_set_that_is_not_there_is_told_with_those_that_are(nightly: Nightly) -> None:
    for command in ("status", "watch"):
        ended = nightly.run(command, "weekly")
        assert ended.returncode == 2
        assert f"BackupSet {nightly.namespace.name}/weekly: there is none of that name" in ended.stderr
        assert "there are: nightly" in ended.stderr
        assert "Traceback" not in ended.stderr


ENDS = {"Completed": 0, "PartiallyFailed": 3, "Failed": 1}


@pytest.mark.parametrize(("phase", "status"), ENDS.items(), ids=ENDS.keys())
def test_watch_tells_each_change_and_ends_as_the_set_did(nightly: Nightly, phase: str, status: int) -> None:
    nightly.report("Running", "InProgress")
    watching = subprocess.Popen(
        nightly.command("watch", "nightly", "--wait"), stdout=subprocess.PIPE, stdin=DEVNULL, text=True
    )
    try:
        assert watching.stdout is not None
        first = [watching.stdout.readline().partition(" ")[2] for _ in range(2)]
        assert first == [
            f"BackupSet {nightly.namespace.name}/nightly: Running, 1 shard, 1m 00s predicted\n",
            "shard shop: InProgress (nightly-shop-1)\n",
        ]
        nightly.report(phase, phase, ended=ago(0))
        rest, _ = watching.communicate(timeout=30)
    finally:
        watching.kill()
        watching.wait()
    assert watching.returncode == status
    assert f"nightly: {phase}," in rest
    assert nightly.run("watch", "nightly").returncode == 0, "without --wait"


def test_watch_bridges_an_outage_and_ends_when_the_set_is_deleted(
    nightly: Nightly, control_plane: ControlPlane, tmp_path: Path
) -> None:
    nightly.report("Running", "InProgress")
    with Proxy(control_plane.port) as proxy:
        nightly.kubeconfig = write_kubeconfig(
            tmp_path / "proxied", proxy.server, control_plane.authority, control_plane.admin
        )
        watching = subprocess.Popen(
            nightly.command("watch", "nightly", "--wait"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=DEVNULL,
            text=True,
        )
        try:
            assert watching.stdout is not None
            watching.stdout.readline()
            watching.stdout.readline()
            proxy.freeze()
            trouble = watching.stdout.readline()
            proxy.thaw()
            again = watching.stdout.readline()
            nightly.custom.delete_namespaced_custom_object(
                GROUP, VERSION, nightly.namespace.name, "backupsets", "nightly"
            )
            _, errors = watching.communicate(timeout=30)
        finally:
            watching.kill()
            watching.wait()
    assert trouble.endswith("; trying again\n")
    assert again.endswith("the cluster answers again\n")
    assert watching.returncode == 1
    assert errors == f"Error: BackupSet {nightly.namespace.name}/nightly was deleted\n"


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("colour", [True, False], ids=["in colour", "without"])
def test_on_a_terminal_watch_draws_bars(nightly: Nightly, columns: int, colour: bool) -> None:
    nightly.report("Completed", "Completed", ended=ago(0))
    command = (
        f"stty cols {columns} rows 24; {shlex.join(nightly.command('watch', 'nightly', '--wait', '--all'))}"
    )
    environment = {
        key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES", "NO_COLOR"}
    }
    if not colour:
        environment["NO_COLOR"] = "1"
    ended = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        capture_output=True,
        stdin=DEVNULL,
        text=True,
        timeout=60,
        check=False,
        env={**environment, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
    )
    assert ended.returncode == 0
    assert "nightly: " in ended.stdout
    assert "█" * min(columns // 8, 30) in ended.stdout
    assert ("\x1b[32m" in ended.stdout) is colour
