"""Files of Backups, fetched by DownloadRequests on the real API server.

There is no Velero: the test signs in its server's stead, with the address of a file server on loopback that
has the same bytes as Velero's storage. What real Velero does with a request is tested on the lab (tests/e2e).
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from kubernetes import client

from hack.lab.certificates import Authority
from hack.lab.controlplane import ControlPlane
from tests.integration.backup_sets import Installation, now
from tests.integration.cluster import Namespace, eventually
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.credentials import Cluster as Target
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.restore.gather import NotRestorable, gather_contents
from velero_volume_controller.velero.client.downloads import (
    Limits,
    NotFetched,
    NotSigned,
    NotStored,
    Storage,
    download,
)
from velero_volume_controller.velero.client.downloads import Target as File
from velero_volume_controller.velero.client.storage_tls import Distrusted, Trust, read_trust
from velero_volume_controller.velero.model.backup_contents import Key, VolumeData

VELERO = ("velero.io", "v1")
RESOURCES = {"v1/Pod": ["shop/web-0"], "apps/v1/Deployment": ["shop/web"], "v1/Namespace": ["shop"]}
VOLUMES = [
    {
        "pvcName": "data",
        "pvcNamespace": "shop",
        "pvName": "pvc-1",
        "backupMethod": "PodVolumeBackup",
        "snapshotDataMoved": False,
        "skipped": False,
        "result": "succeeded",
        "pvbInfo": {"podName": "web-0", "podNamespace": "shop", "volumeName": "data", "Phase": "Completed"},
    },
    {
        "pvcName": "cache",
        "pvcNamespace": "shop",
        "backupMethod": "PodVolumeBackup",
        "snapshotDataMoved": False,
        "skipped": False,
        "result": "failed",
        "pvbInfo": {"podName": "web-0", "podNamespace": "shop", "volumeName": "cache", "Phase": "Failed"},
    },
]


def packed(value: Any) -> bytes:
    return gzip.compress(json.dumps(value).encode())


@dataclass
class Stage:
    """Velero's part, played: what it answers to a request for a file."""

    namespace: Namespace
    kubeconfig: Path
    files: dict[str, bytes] = field(default_factory=dict)
    answer: Callable[[web.Request], Any] | None = None
    base: str = ""
    sign: bool = True
    see: bool = True
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def custom(self) -> client.CustomObjectsApi:
        return client.CustomObjectsApi(self.namespace.api)

    def requests(self) -> list[dict[str, Any]]:
        listed: Any = self.custom.list_namespaced_custom_object(
            *VELERO, self.namespace.name, "downloadrequests"
        )
        found: list[dict[str, Any]] = listed["items"]
        return found

    def appeared(self) -> dict[str, Any]:
        """The request that is made now."""
        eventually(lambda: len(self.requests()), 1)
        return self.requests()[0]

    def process(self) -> None:
        """As download_request_controller.go does: the expiration first, the address if there is one."""
        for request in self.requests():
            if request.get("status", {}).get("expiration"):
                continue
            self.asked.append(request)
            target = request["spec"]["target"]
            status = {"expiration": now()}
            if self.sign:
                url = f"{self.base}/{target['name']}/{target['kind']}?X-Signature=a%2Fb%3D"
                status |= {"phase": "Processed", "downloadURL": url}
            self.custom.patch_namespaced_custom_object(
                *VELERO,
                self.namespace.name,
                "downloadrequests",
                request["metadata"]["name"],
                {"status": status},
            )

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self.answer is not None:
            answered: web.StreamResponse = await self.answer(request)
            return answered
        # What was signed is asked for as it was signed.
        if not request.raw_path.endswith("?X-Signature=a%2Fb%3D"):
            return web.Response(status=403, text="<Code>SignatureDoesNotMatch</Code>")
        found = self.files.get(request.match_info["kind"])
        return web.Response(body=found) if found is not None else web.Response(status=404, text="NoSuchKey")

    @asynccontextmanager
    async def played(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
        application = web.Application()
        application.router.add_get("/{name}/{kind}", self.serve)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "localhost", 0, ssl_context=tls)
        await site.start()
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]
        self.base = f"{'https' if tls else 'http'}://localhost:{port}"
        playing = asyncio.create_task(self.play())
        try:
            async with Client.connect(Target(self.kubeconfig)) as connected:
                yield connected
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            await runner.cleanup()

    async def play(self) -> None:
        while True:
            if self.see:
                await asyncio.to_thread(self.process)
            await asyncio.sleep(0.05)

    def backup(self, name: str, phase: str = "Completed") -> None:
        body = {
            "apiVersion": "velero.io/v1",
            "kind": "Backup",
            "metadata": {"name": name},
            "spec": {"storageLocation": "default"},
            "status": {"phase": phase},
        }
        self.custom.create_namespaced_custom_object(*VELERO, self.namespace.name, "backups", body)

    async def get(self, connected: Client, storage: Storage | None = None, **limits: Any) -> bytes:
        return await download(
            connected,
            self.namespace.name,
            File.BACKUP_RESOURCE_LIST,
            "nightly",
            storage or Storage("default"),
            Limits(**limits),
        )


@pytest.fixture
def stage(control_plane: ControlPlane, velero: Installation) -> Iterator[Stage]:
    stage = Stage(velero.namespace, control_plane.kubeconfig)
    stage.files = {"BackupResourceList": packed(RESOURCES), "BackupVolumeInfos": packed(VOLUMES)}
    yield stage
    assert stage.requests() == [], "a DownloadRequest was left behind"


async def test_a_file_comes_unpacked_and_its_request_is_gone(stage: Stage) -> None:
    async with stage.played() as connected:
        assert json.loads(await stage.get(connected)) == RESOURCES
    assert [each["spec"]["target"] for each in stage.asked] == [
        {"kind": "BackupResourceList", "name": "nightly"}
    ]
    assert stage.asked[0]["metadata"]["name"].startswith("nightly-")


async def test_what_backups_hold(stage: Stage) -> None:
    stage.backup("nightly")
    stage.backup("weekly", "PartiallyFailed")
    async with stage.played() as connected:
        held = await gather_contents(connected, stage.namespace.name, ["nightly", "weekly"])
    assert held.items == {
        Key("", "Pod", "shop", "web-0"),
        Key("apps", "Deployment", "shop", "web"),
        Key("", "Namespace", "", "shop"),
    }
    assert held.data == (
        VolumeData(namespace="shop", claim="data", pod="web-0", volume="data", persistent_volume="pvc-1"),
    )
    assert held.data_known
    assert held.backups == ("nightly", "weekly")
    assert held.versions == {("", "v1", "Pod"), ("apps", "v1", "Deployment"), ("", "v1", "Namespace")}
    assert {str(each) for each in held.lacking} == {"PersistentVolumeClaim shop/cache"}
    assert held.notes == (
        "Backup weekly is PartiallyFailed: what failed in it is not in it, and does not come back.",
    )


async def test_of_a_backup_older_than_volume_information_the_cluster_tells_what_it_can(stage: Stage) -> None:
    stage.backup("old")
    del stage.files["BackupVolumeInfos"]
    for name, phase in (("a", "Completed"), ("b", "Failed")):
        body = {
            "apiVersion": "velero.io/v1",
            "kind": "PodVolumeBackup",
            "metadata": {
                "name": f"old-{name}",
                "labels": {"velero.io/backup-name": "old"},
                "annotations": {"velero.io/pvc-name": f"claim-{name}"},
            },
            "spec": {
                "node": "n",
                "backupStorageLocation": "default",
                "repoIdentifier": "",
                "pod": {"namespace": "shop", "name": "web-0"},
                "volume": name,
            },
            "status": {"phase": phase},
        }
        stage.custom.create_namespaced_custom_object(*VELERO, stage.namespace.name, "podvolumebackups", body)
    async with stage.played() as connected:
        held = await gather_contents(connected, stage.namespace.name, ["old"])
    assert not held.data_known
    assert held.data == (VolumeData(namespace="shop", claim="claim-a", pod="web-0", volume="a"),)


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        pytest.param(None, "There is no Backup nightly in", id="none of that name"),
        pytest.param("Failed", "Backup nightly is in phase Failed, and only a Completed one", id="failed"),
        pytest.param("Deleting", "Backup nightly is in phase Deleting", id="being deleted"),
        pytest.param("InProgress", "Backup nightly is in phase InProgress", id="not done"),
    ],
)
async def test_what_can_not_be_restored_is_refused_before_anything_is_fetched(
    stage: Stage, phase: str | None, expected: str
) -> None:
    if phase is not None:
        stage.backup("nightly", phase)
    async with stage.played() as connected:
        with pytest.raises(NotRestorable, match=expected):
            await gather_contents(connected, stage.namespace.name, ["nightly"])
    assert stage.asked == []


async def test_a_file_that_is_none_of_velero_s_is_refused(stage: Stage) -> None:
    stage.backup("nightly")
    stage.files["BackupResourceList"] = packed(["no", "list"])
    async with stage.played() as connected:
        with pytest.raises(
            NotRestorable, match="What Velero keeps of Backup nightly in BackupStorageLocation"
        ):
            await gather_contents(connected, stage.namespace.name, ["nightly"])


async def test_a_velero_that_does_not_answer_is_named(stage: Stage) -> None:
    stage.see = False
    async with stage.played() as connected:
        began = time.monotonic()
        with pytest.raises(NotSigned) as refused:
            await stage.get(connected, signing=1.0)
        assert time.monotonic() - began < 3
    assert f"Velero in {stage.namespace.name} did not answer DownloadRequest nightly-" in str(refused.value)
    assert f"kubectl -n {stage.namespace.name} logs deployment/velero" in str(refused.value)


async def test_a_velero_that_can_not_sign_is_told_from_one_that_does_not_answer(stage: Stage) -> None:
    stage.sign = False
    async with stage.played() as connected:
        with pytest.raises(
            NotSigned, match="has seen the request and gave no address for it within 1 s"
        ) as refused:
            await stage.get(connected, signing=1.0)
    assert "BackupStorageLocation default" in str(refused.value)


async def _forbidden(_: web.Request) -> web.Response:
    return web.Response(status=403, text="<Error>\n  <Code>AccessDenied</Code></Error>")


async def _silent(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(packed(RESOURCES)[:10])
    await asyncio.sleep(60)
    return response


async def _cut(request: web.Request) -> web.Response:
    return web.Response(body=packed(RESOURCES)[:-12])


async def _page(_: web.Request) -> web.Response:
    return web.Response(text="<html>log in first</html>")


async def _bomb(_: web.Request) -> web.Response:
    return web.Response(body=gzip.compress(b"0" * 2**22))


async def _absent(_: web.Request) -> web.Response:
    return web.Response(status=404)


@pytest.mark.parametrize(
    ("answer", "kind", "expected"),
    [
        pytest.param(_forbidden, NotFetched, "says 403 \\(<Error> <Code>AccessDenied</Code>", id="forbidden"),
        pytest.param(_absent, NotStored, "is not in BackupStorageLocation default", id="not there"),
        pytest.param(_silent, NotFetched, "does not answer in time", id="silent in the middle"),
        pytest.param(_cut, NotFetched, "ends before its end", id="cut off"),
        pytest.param(_page, NotFetched, "is not a gzip file", id="a proxy's page"),
        pytest.param(_bomb, NotFetched, "is larger than 1 MiB", id="too large"),
    ],
)
async def test_what_the_storage_does_not_give_is_an_error_with_a_way_out(
    stage: Stage, answer: Callable[[web.Request], Any], kind: type[KubeError], expected: str
) -> None:
    stage.answer = answer
    async with stage.played() as connected:
        with pytest.raises(kind, match=expected) as refused:
            await stage.get(connected, silence=0.5, size=2**20)
    assert str(refused.value).startswith("BackupResourceList of Backup nightly")


async def test_an_address_that_nobody_serves_is_told_with_public_url(stage: Stage) -> None:
    async with stage.played() as connected:
        stage.base = "http://localhost:1"
        with pytest.raises(NotFetched, match=r"can't be reached .* set publicUrl in the config of"):
            await stage.get(connected)


async def test_somebody_who_deletes_the_request_is_told_of(stage: Stage) -> None:
    stage.see = False
    async with stage.played() as connected:
        getting = asyncio.create_task(stage.get(connected, signing=20.0))
        made = await asyncio.to_thread(stage.appeared)
        stage.custom.delete_namespaced_custom_object(
            *VELERO, stage.namespace.name, "downloadrequests", made["metadata"]["name"]
        )
        with pytest.raises(NotSigned, match="somebody has deleted its DownloadRequest"):
            await getting


async def test_who_is_cancelled_leaves_no_request(stage: Stage) -> None:
    stage.see = False
    async with stage.played() as connected:
        getting = asyncio.create_task(stage.get(connected))
        await asyncio.to_thread(stage.appeared)
        getting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await getting


async def test_another_s_request_stays(stage: Stage) -> None:
    body = {
        "apiVersion": "velero.io/v1",
        "kind": "DownloadRequest",
        "metadata": {"name": "nightly-of-somebody"},
        "spec": {"target": {"kind": "BackupLog", "name": "nightly"}},
    }
    stage.custom.create_namespaced_custom_object(*VELERO, stage.namespace.name, "downloadrequests", body)
    async with stage.played() as connected:
        await stage.get(connected)
    assert [each["metadata"]["name"] for each in stage.requests()] == ["nightly-of-somebody"]
    stage.custom.delete_namespaced_custom_object(
        *VELERO, stage.namespace.name, "downloadrequests", "nightly-of-somebody"
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.ensure(tmp_path / "authority")


def served_by(authority: Authority) -> ssl.SSLContext:
    made = authority.issue("storage", common_name="localhost", hosts=("localhost",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    return context


async def test_a_storage_with_a_certificate_of_its_own_is_trusted_as_the_location_says(
    stage: Stage, authority: Authority
) -> None:
    name = stage.namespace.name
    encoded = base64.b64encode(authority.certificate.read_bytes()).decode()

    def locate(storage: dict[str, Any], config: dict[str, str]) -> None:
        spec = {"objectStorage": {"caCert": None, "caCertRef": None, **storage}, "config": config}
        stage.custom.patch_namespaced_custom_object(
            *VELERO, name, "backupstoragelocations", "default", {"spec": spec}
        )

    secret = {"metadata": {"name": "ca"}, "data": {"ca.crt": encoded}}
    stage.namespace.core.create_namespaced_secret(name, secret)
    async with stage.played(served_by(authority)) as connected:
        with pytest.raises(NotFetched, match="has a certificate that is not trusted"):
            await stage.get(connected)
        for storage, config in (
            ({"caCert": encoded}, {}),
            ({"caCertRef": {"name": "ca", "key": "ca.crt"}}, {}),
            ({}, {"insecureSkipTLSVerify": "true"}),
        ):
            locate(storage, config)
            trust = await read_trust(connected, name, "default")
            assert json.loads(await stage.get(connected, Storage("default", trust))) == RESOURCES
        locate({"caCertRef": {"name": "ca", "key": "none"}}, {"insecureSkipTLSVerify": "false"})
        with pytest.raises(Distrusted, match="has no key none"):
            await read_trust(connected, name, "default")
        with pytest.raises(Distrusted, match="holds no certificates"):
            await stage.get(connected, Storage("default", Trust("no certificate")))
