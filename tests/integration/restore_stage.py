"""CleanRestores on the real API server, where nobody else is: the tests play Velero, its storage, the
kubelet, the controllers of workloads, and the garbage collector.

That shows what we do; what becomes of it in a real cluster is tested on the lab (tests/e2e).
"""

from __future__ import annotations

import copy
import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from kubernetes import client

from tests.integration import scratch
from tests.integration.backup_sets import VELERO, Installation, now
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import Replica, Vvc
from tests.integration.sets import GROUP, VERSION, make
from velero_volume_controller.restore import naming

PLURAL: Final = "cleanrestores"
#: (apiVersion, kind): the path below which its objects are.
PLACES: Final = {
    ("v1", "Pod"): "/api/v1/namespaces/{}/pods",
    ("v1", "ConfigMap"): "/api/v1/namespaces/{}/configmaps",
    ("v1", "Secret"): "/api/v1/namespaces/{}/secrets",
    ("v1", "PersistentVolumeClaim"): "/api/v1/namespaces/{}/persistentvolumeclaims",
    ("apps/v1", "StatefulSet"): "/apis/apps/v1/namespaces/{}/statefulsets",
    ("apps/v1", "Deployment"): "/apis/apps/v1/namespaces/{}/deployments",
    ("batch/v1", "CronJob"): "/apis/batch/v1/namespaces/{}/cronjobs",
}
#: What Velero takes off an object before it is made again (restore.go, resetMetadata), and what the API
#: server would not take.
_NOT_RESTORED: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "selfLink",
)
ENDED: Final = {"Completed", "CompletedWithWarnings", "Failed", "Cancelled"}


class Api:
    """Objects of any kind, as JSON."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Any:
        headers = {"Accept": "application/json", "Content-Type": content}
        answer = self._api.call_api(method, self._api.configuration.host + path, headers, body)
        text = (answer.read() or b"").decode()
        if not 200 <= answer.status < 300:
            raise client.ApiException(status=answer.status, body=text)
        return json.loads(text)

    def list(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", path)["items"]
        return found

    def merge(self, path: str, body: Any) -> Any:
        return self.call("PATCH", path, body, "application/merge-patch+json")

    def gone(self, path: str) -> bool:
        try:
            self.call("GET", path)
        except client.ApiException as error:
            return error.status == 404
        return False


@dataclass
class Stage:
    """One Velero, and the namespaces of applications. ``play`` runs in a thread of its own."""

    velero: Installation
    shop: Namespace
    #: Files in the storage, by (name, kind of the target).
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    #: What Backups hold: their objects, as they were.
    held: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: Restores that fail, by how often; what is made then stays.
    failing: int = 0
    #: What is not played: "gc", "restores", "undo", "scratch".
    absent: set[str] = field(default_factory=set)
    #: What was played that should not have happened.
    errors: list[str] = field(default_factory=list)
    base: str = ""

    @property
    def api(self) -> Api:
        return Api(self.shop.api)

    @property
    def here(self) -> str:
        return self.velero.namespace.name

    def set(self) -> None:
        """A node, a node-agent on it, and a storage that Velero has looked at."""
        core, here = self.shop.core, self.here
        with suppress(client.ApiException):
            node: Any = {"metadata": {"name": "node1"}}
            core.create_node(node)
        ready = [{"type": "Ready", "status": "True"}]
        core.patch_node_status("node1", {"status": {"conditions": ready}})
        with suppress(client.ApiException):
            core.patch_node("node1", {"spec": {"taints": None}})
        agent: Any = {
            "metadata": {"name": "node-agent-1", "labels": {"role": "node-agent", "name": "node-agent"}},
            "spec": {"nodeName": "node1", "containers": [{"name": "node-agent", "image": "none"}]},
        }
        core.create_namespaced_pod(here, agent)
        status = {"phase": "Running", "conditions": ready}
        core.patch_namespaced_pod_status("node-agent-1", here, {"status": status})
        self.validated()

    def validated(self) -> None:
        """Velero has just looked at its storage."""
        status = {"phase": "Available", "lastValidationTime": now()}
        self._patch_velero("backupstoragelocations", "default", status)

    # What a person does.

    def application(self, replicas: int = 1) -> None:
        """A StatefulSet with a claim and its pods, what it reads, and something that no backup holds."""
        core, apps = self.shop.core, client.AppsV1Api(self.shop.api)
        core.create_namespaced_config_map(
            self.shop.name, {"metadata": {"name": "settings"}, "data": {"colour": "blue"}}
        )
        core.create_namespaced_secret(
            self.shop.name, {"metadata": {"name": "password"}, "stringData": {"p": "hunter2"}}
        )
        labels = {"app": "db"}
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"pv-{self.shop.name}"},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Delete",
                "hostPath": {"path": "/nowhere"},
                "claimRef": {"namespace": self.shop.name, "name": "data"},
            },
        }
        core.create_persistent_volume(volume)
        self.shop.create_claim("data", f"pv-{self.shop.name}")
        self.shop.core.patch_namespaced_persistent_volume_claim_status(
            "data", self.shop.name, {"status": {"phase": "Bound"}}
        )
        container = {
            "name": "main",
            "image": "none",
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "volumes": volumes}}
        spec: Any = {
            "serviceName": "db",
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
        }
        body: Any = {"metadata": {"name": "db"}, "spec": spec}
        apps.create_namespaced_stateful_set(self.shop.name, body)
        self.pods(replicas)

    def pods(self, replicas: int) -> None:
        """As the StatefulSet's controller and the kubelet have them."""
        apps = client.AppsV1Api(self.shop.api)
        found: Any = apps.read_namespaced_stateful_set("db", self.shop.name)
        owner = {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "name": "db",
            "uid": found.metadata.uid,
            "controller": True,
        }
        for number in range(replicas):
            name = f"db-{number}"
            self.shop.create_pod(name, ("data",))
            self.shop.core.patch_namespaced_pod(
                name, self.shop.name, {"metadata": {"ownerReferences": [owner], "labels": {"app": "db"}}}
            )
            self.ready(name)

    def ready(self, name: str) -> None:
        condition = {"type": "Ready", "status": "True"}
        status = {"phase": "Running", "conditions": [condition]}
        self.shop.core.patch_namespaced_pod_status(name, self.shop.name, {"status": status})

    def back_up(self, name: str, phase: str = "Completed") -> None:
        """A Backup of all that is in the shop now, as Velero leaves one behind."""
        self.velero.foreign(name, [self.shop.name])
        self.keep(name)
        self.velero.report(name, phase)

    def keep(self, name: str) -> None:
        """What is in the shop now, into the storage."""
        objects = [
            {"apiVersion": version, "kind": kind, **found}
            for (version, kind), place in PLACES.items()
            for found in self.api.list(place.format(self.shop.name))
            if found["metadata"]["name"] != "kube-root-ca.crt"
        ]
        self.held[name] = objects
        location = {"spec": {"storageLocation": "default"}}
        self.velero.custom.patch_namespaced_custom_object(*VELERO, self.here, "backups", name, location)
        listed: dict[str, list[str]] = {"v1/Namespace": [self.shop.name]}
        for each in objects:
            where = f"{each['metadata']['namespace']}/{each['metadata']['name']}"
            listed.setdefault(f"{each['apiVersion']}/{each['kind']}", []).append(where)
        pods = [each for each in objects if each["kind"] == "Pod"]
        self.files[name, "BackupResourceList"] = packed(listed)
        self.files[name, "BackupVolumeInfos"] = packed(
            [
                {
                    "pvcName": "data",
                    "pvcNamespace": self.shop.name,
                    "pvName": f"pv-{self.shop.name}",
                    "backupMethod": "PodVolumeBackup",
                    "skipped": False,
                    "result": "succeeded",
                    "pvbInfo": {
                        "podName": pod["metadata"]["name"],
                        "podNamespace": self.shop.name,
                        "volumeName": "data",
                        "Phase": "Completed",
                    },
                }
                for pod in pods
            ]
        )

    def change(self) -> None:
        """What a restore is for: the data is wrong, something is missing, something is new."""
        self.shop.core.patch_namespaced_config_map("settings", self.shop.name, {"data": {"colour": "red"}})
        self.shop.core.delete_namespaced_secret("password", self.shop.name)
        self.shop.core.create_namespaced_config_map(
            self.shop.name, {"metadata": {"name": "extra"}, "data": {}}
        )

    def begun(self, vvc: Vvc, *options: str) -> tuple[Replica, dict[str, str]]:
        """A process that leads; what there is, after something was backed up and has changed since."""
        self.application()
        self.back_up("b1")
        self.change()
        return self.started(vvc, *options), self.objects()

    def started(self, vvc: Vvc, *options: str) -> Replica:
        """A process that leads, as soon as the machine lets it."""
        replica = vvc.launch(*options)
        replica.line("listed", within=90.0, path="/api/v1/pods")
        eventually(lambda: replica.leads, True, within=30)
        return replica

    def create(self, name: str, **spec: Any) -> None:
        spec.setdefault("source", {"backup": "b1"})
        self.validated()
        self.custom.create_namespaced_custom_object(*self._here(), make("CleanRestore", name, spec))

    def approve(self, name: str, within: float = 30.0) -> None:
        """Once there is a plan, it is looked at and found good."""
        eventually(lambda: self.phase(name), "AwaitingApproval", within)
        self.patch(name, {"spec": {"planHash": self.status(name)["plan"]["hash"]}})

    def resume(self, name: str, demand: str = "again") -> None:
        self.patch(name, {"metadata": {"annotations": {naming.RESUME: demand}}})

    def patch(self, name: str, body: dict[str, Any]) -> None:
        self.custom.patch_namespaced_custom_object(*self._here(), name, body)

    # What a person sees.

    @property
    def custom(self) -> client.CustomObjectsApi:
        return client.CustomObjectsApi(self.shop.api)

    def run(self, name: str) -> dict[str, Any]:
        found: Any = self.custom.get_namespaced_custom_object(*self._here(), name)
        return dict(found)

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.run(name).get("status", {})
        return found

    def phase(self, name: str) -> str:
        return str(self.status(name).get("phase", ""))

    def condition(self, name: str, type_: str = "Progressing") -> tuple[str, str, str]:
        """Its status, reason and message."""
        for each in self.status(name).get("conditions", []):
            if each["type"] == type_:
                return each["status"], each["reason"], each["message"]
        return "", "", ""

    def ended(self, name: str, within: float = 60.0) -> str:
        """The phase that it ended in."""
        end = time.monotonic() + within
        while (phase := self.phase(name)) not in ENDED:
            assert time.monotonic() < end, f"still {phase} after {within:g} s: {self.condition(name)}"
            time.sleep(0.1)
        assert not self.errors, self.errors
        return self.phase(name)

    def phases(self, name: str) -> list[str]:
        """What it went through."""
        return [each["phase"] for each in self.status(name)["steps"]]

    def maps(self, name: str) -> list[str]:
        """The ConfigMaps that hold its plans."""
        uid = self.run(name)["metadata"]["uid"]
        found: Any = self.shop.core.list_namespaced_config_map(
            self.here, label_selector=f"{naming.RUN_UID}={uid}"
        )
        return [each.metadata.name for each in found.items]

    def restores(self) -> list[dict[str, Any]]:
        found: Any = self.custom.list_namespaced_custom_object(*VELERO, self.here, "restores")
        return list(found["items"])

    def undo_backups(self) -> list[dict[str, Any]]:
        return [
            each for each in self._velero("backups") if naming.RUN_UID in each["metadata"].get("labels", {})
        ]

    def replicas(self) -> int:
        found: Any = client.AppsV1Api(self.shop.api).read_namespaced_stateful_set("db", self.shop.name)
        return int(found.spec.replicas)

    def objects(self) -> dict[str, str]:
        """What is in the shop, and its uids."""
        return {
            f"{kind}/{each['metadata']['name']}": each["metadata"]["uid"]
            for (_, kind), place in PLACES.items()
            for each in self.api.list(place.format(self.shop.name))
            if each["metadata"]["name"] != "kube-root-ca.crt"
        }

    def _here(self) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self.here, PLURAL

    # What is played.

    def play(self, stop: threading.Event) -> None:
        """Until ``stop``. What somebody else was faster at is done again."""
        parts = (
            ("sign", self._sign),
            ("undo", self._back_up),
            ("restores", self._restore),
            ("controllers", self._still),
            ("gc", self._collect),
            ("scratch", lambda: scratch.play(self.shop.core, self.shop.name)),
        )
        while not stop.wait(0.1):
            for name, part in parts:
                if name in self.absent:
                    continue
                with suppress(client.ApiException):
                    part()

    def _velero(self, plural: str) -> list[dict[str, Any]]:
        return self.api.list(f"/apis/velero.io/v1/namespaces/{self.here}/{plural}")

    def _patch_velero(self, plural: str, name: str, status: dict[str, Any]) -> None:
        self.custom.patch_namespaced_custom_object(*VELERO, self.here, plural, name, {"status": status})

    def _sign(self) -> None:
        for request in self._velero("downloadrequests"):
            if request.get("status", {}).get("expiration"):
                continue
            target = request["spec"]["target"]
            url = f"{self.base}/{target['name']}/{target['kind']}"
            status = {"expiration": now(), "phase": "Processed", "downloadURL": url}
            self._patch_velero("downloadrequests", request["metadata"]["name"], status)

    def _back_up(self) -> None:
        """The undo backup: whatever claims there are have their data in it."""
        for backup in self._velero("backups"):
            name = backup["metadata"]["name"]
            ours = naming.RUN_UID in backup["metadata"].get("labels", {})
            if not ours or backup.get("status", {}).get("phase"):
                continue
            for namespace in backup["spec"]["includedNamespaces"]:
                place = PLACES["v1", "PersistentVolumeClaim"]
                for _ in self.api.list(place.format(namespace)):
                    self.velero.volume(name, namespace, "Completed", done=10, total=10)
            self.keep(name)
            self.velero.report(name, "Completed")

    def _restore(self) -> None:
        for restore in self._velero("restores"):
            name, phase = restore["metadata"]["name"], restore.get("status", {}).get("phase", "")
            if phase not in {"", "New"}:
                continue
            self._patch_velero("restores", name, {"phase": "InProgress", "startTimestamp": now()})
            told = self._make_objects(restore)
            if self.failing > 0:
                self.failing -= 1
                failed = {"phase": "Failed", "failureReason": "Velero was restarted"}
                self._patch_velero("restores", name, {**failed, "completionTimestamp": now()})
                continue
            self.files[name, "RestoreResourceList"] = packed(told)
            self.files[name, "RestoreResults"] = packed({"errors": {}, "warnings": {}})
            self.files[name, "RestoreVolumeInfo"] = packed([])
            done = {"phase": "Completed", "completionTimestamp": now()}
            self._patch_velero("restores", name, done)

    def _make_objects(self, restore: dict[str, Any]) -> dict[str, list[str]]:
        """What is there is left alone."""
        told: dict[str, list[str]] = {}
        spec, name = restore["spec"], restore["metadata"]["name"]
        order = ["PersistentVolumeClaim", "Secret", "ConfigMap", "Pod", "StatefulSet", "Deployment"]
        objects = sorted(
            self.held[spec["backupName"]],
            key=lambda each: order.index(each["kind"]) if each["kind"] in order else len(order),
        )
        for each in objects:
            made = copy.deepcopy(each)
            metadata = made["metadata"]
            for key in _NOT_RESTORED:
                metadata.pop(key, None)
            made.pop("status", None)
            source = metadata["namespace"]
            if source not in spec["includedNamespaces"]:
                continue
            namespace = spec.get("namespaceMapping", {}).get(source, source)
            metadata["namespace"] = namespace
            labels = metadata.setdefault("labels", {})
            labels |= {"velero.io/restore-name": name, "velero.io/backup-name": spec["backupName"]}
            if made["kind"] == "PersistentVolumeClaim":
                made["spec"].pop("volumeName", None)
            action = "created"
            try:
                self.api.call("POST", PLACES[made["apiVersion"], made["kind"]].format(namespace), made)
            except client.ApiException as error:
                if error.status != 409:
                    self.errors.append(f"{made['kind']} {metadata['name']}: {error.body}")
                action = "skipped"
            told.setdefault(f"{made['apiVersion']}/{made['kind']}", []).append(
                f"{namespace}/{metadata['name']}({action})"
            )
            self._run(made, name, namespace)
        return told

    def _run(self, made: dict[str, Any], restore: str, namespace: str) -> None:
        """A claim is bound, a pod gets its data and runs."""
        name = made["metadata"]["name"]
        core = self.shop.core
        if made["kind"] == "PersistentVolumeClaim":
            core.patch_namespaced_persistent_volume_claim_status(
                name, namespace, {"status": {"phase": "Bound"}}
            )
        if made["kind"] != "Pod":
            return
        body = {
            "apiVersion": "velero.io/v1",
            "kind": "PodVolumeRestore",
            "metadata": {"generateName": f"{restore}-", "labels": {"velero.io/restore-name": restore}},
            "spec": {
                "pod": {"kind": "Pod", "namespace": namespace, "name": name},
                "volume": "data",
                "backupStorageLocation": "default",
                "repoIdentifier": "",
                "snapshotID": "1",
                "sourceNamespace": namespace,
            },
            "status": {"phase": "Completed", "progress": {"bytesDone": 10, "totalBytes": 10}},
        }
        self.custom.create_namespaced_custom_object(*VELERO, self.here, "podvolumerestores", body)
        condition = {"type": "Ready", "status": "True"}
        core.patch_namespaced_pod_status(
            name, namespace, {"status": {"phase": "Running", "conditions": [condition]}}
        )

    def _still(self) -> None:
        """A StatefulSet adopts the pods that it selects, and says how many are ready; one that is scaled to
        none loses them."""
        place = PLACES["apps/v1", "StatefulSet"].format(self.shop.name)
        for found in self.api.list(place):
            metadata = found["metadata"]
            if found["spec"].get("replicas") == 0 or "deletionTimestamp" in metadata:
                self._drop_dependents(metadata["uid"])
                continue
            self._adopt(metadata)
            if found.get("status", {}).get("observedGeneration") != metadata["generation"]:
                count = found["spec"]["replicas"]
                status = {"observedGeneration": metadata["generation"], "replicas": count}
                status |= {"readyReplicas": count, "availableReplicas": count, "updatedReplicas": count}
                self.api.merge(f"{place}/{metadata['name']}/status", {"status": status})

    def _adopt(self, maker: dict[str, Any]) -> None:
        owner = {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "name": maker["name"],
            "uid": maker["uid"],
            "controller": True,
        }
        place = PLACES["v1", "Pod"].format(self.shop.name)
        for pod in self.api.list(place):
            metadata = pod["metadata"]
            if metadata.get("labels", {}).get("app") == "db" and not metadata.get("ownerReferences"):
                self.api.merge(f"{place}/{metadata['name']}", {"metadata": {"ownerReferences": [owner]}})

    def _drop_dependents(self, uid: str) -> bool:
        """Whether there were any."""
        place = PLACES["v1", "Pod"].format(self.shop.name)
        found = [
            each["metadata"]["name"]
            for each in self.api.list(place)
            if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences", ()))
        ]
        for name in found:
            self._kill(f"{place}/{name}")
        return bool(found)

    def _kill(self, path: str) -> None:
        with suppress(client.ApiException):
            self.api.call("DELETE", path, {"gracePeriodSeconds": 0})

    def _collect(self) -> None:
        """As the kubelet, the garbage collector and the controllers of volumes do."""
        pods = self.api.list(PLACES["v1", "Pod"].format(self.shop.name))
        used = {
            volume["persistentVolumeClaim"]["claimName"]
            for pod in pods
            for volume in pod["spec"].get("volumes", ())
            if "persistentVolumeClaim" in volume
        }
        for (_, kind), place in PLACES.items():
            for found in self.api.list(place.format(self.shop.name)):
                metadata = found["metadata"]
                if "deletionTimestamp" not in metadata:
                    continue
                path = f"{place.format(self.shop.name)}/{metadata['name']}"
                if kind == "Pod":
                    self._kill(path)
                if self._drop_dependents(metadata["uid"]):
                    continue
                holding = {"foregroundDeletion"}
                if kind == "PersistentVolumeClaim" and metadata["name"] not in used:
                    holding.add("kubernetes.io/pvc-protection")
                left = [each for each in metadata.get("finalizers", ()) if each not in holding]
                if left != metadata.get("finalizers", []):
                    self.api.merge(path, {"metadata": {"finalizers": left or None}})
        volume = f"/api/v1/persistentvolumes/pv-{self.shop.name}"
        claim = f"{PLACES['v1', 'PersistentVolumeClaim'].format(self.shop.name)}/data"
        if self.api.gone(claim) and not self.api.gone(volume):
            self._kill(volume)
            self.api.merge(volume, {"metadata": {"finalizers": None}})


def packed(value: Any) -> bytes:
    return gzip.compress(json.dumps(value).encode())


def staged(velero: Installation, shop: Namespace) -> Iterator[Stage]:
    """A stage on which all is played, until the test has ended."""
    stage = Stage(velero, shop)
    stage.set()

    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, kind = self.path.strip("/").split("/")
            found = stage.files.get((name, kind))
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  (its name)
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    stage.base = f"http://127.0.0.1:{server.server_port}"
    stop = threading.Event()
    threads = [
        threading.Thread(target=server.serve_forever),
        threading.Thread(target=stage.play, args=[stop]),
    ]
    for thread in threads:
        thread.start()
    try:
        yield stage
    finally:
        stop.set()
        server.shutdown()
        for thread in threads:
            thread.join()
        server.server_close()
