"""Random churn, and what must hold of it whatever happened: seen from outside, with the pure rules as judge.

The driver plays kubelet, users and operators. A watch of its own sees every version
of every pod, so that each write of the controller's can be held against the version
before it and against the configurations of the time.
"""

from __future__ import annotations

import json
import random
import re
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from kubernetes import client, config, watch

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace, eventually
from tests.integration.process import LEASE, Replica, Vvc
from velero_volume_controller.annotate.plan import plan
from velero_volume_controller.api.configuration import Configuration
from velero_volume_controller.config import load_text
from velero_volume_controller.policy import decide
from velero_volume_controller.velero.model.annotations import BACKUP_VOLUMES, MARKERS
from velero_volume_controller.velero.model.pods import Pod, decode

NAMES = tuple(f"pod-{number}" for number in range(6))
PHASES = ("Pending", "Running", "Running", "Running", "Succeeded", "Failed", "Unknown")
#: What people write by hand; the first is what the rules often say as well.
HANDMADE = ("data", "mine", "data,logs", "")
_NINE_KEYS = """\
clusterServerCfg: {{leaseLockNamespace: {namespace}, leaseLockName: {lease}}}
veleroVolumeCfg: {{includeNamespaces: {namespace}, %s}}
"""
_NATIVE = """\
apiVersion: vvc.velero.io/v1alpha1
kind: ControllerConfig
leaderElection: {{resourceNamespace: {namespace}, resourceName: {lease}}}
annotator:
  %s
  rules:
  - {{name: elsewhere, action: skip, namespaces: {{exclude: [{namespace}]}}}}
  - {{name: logs, action: skip, volumes: {{names: [logs]}}}}
  - {{name: rest, action: backup, pods: {{excludeJobs: ["*-nightly"]}}}}
"""
#: The configurations that take turns, as templates.
RULES = (
    _NINE_KEYS % "includeVolumeTypes: persistentVolumeClaim",
    _NINE_KEYS % 'includeVolumeTypes: "persistentVolumeClaim,emptyDir"',
    _NINE_KEYS % "excludeVolumeTypes: persistentVolumeClaim",
    _NINE_KEYS % 'excludeJobs: "*-nightly"',
    _NATIVE % "mode: opt-in",
    _NATIVE % "mode: opt-out",
)


def asked(pod: Pod, configuration: Configuration) -> dict[str, str | None]:
    """The patch that the pure rules ask for; empty where none is due."""
    return dict(plan(pod, decide(pod, configuration), configuration).annotations)


@dataclass
class Versions:
    """Every version of every pod of the namespace, in the order in which the API server made them."""

    kubeconfig: str
    namespace: Namespace
    seen: list[Pod] = field(default_factory=list)
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Versions:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            self.finish()

    def finish(self) -> None:
        """Until all that has happened is seen: the last thing is a pod made for that."""
        self.namespace.core.create_namespaced_pod(self.namespace.name, _body("the-end", [], {}, None))
        self._thread.join(timeout=30)
        assert not self._thread.is_alive(), "the watch did not see the last pod"

    def _watch(self) -> None:
        with config.new_client_from_config(self.kubeconfig) as api:
            core = client.CoreV1Api(api)
            for event in watch.Watch().stream(core.list_namespaced_pod, self.namespace.name):
                raw = event["raw_object"]
                if raw["metadata"]["name"] == "the-end":
                    return
                if event["type"] != "DELETED":
                    self.seen.append(decode(json.dumps(raw).encode()))

    def changes(self) -> Iterator[tuple[Pod, Pod]]:
        """Each version that changed annotations, after the one before it."""
        last: dict[str, Pod] = {}
        for pod in self.seen:
            before = last.get(pod.metadata.uid)
            last[pod.metadata.uid] = pod
            if before is not None and before.metadata.annotations != pod.metadata.annotations:
                yield before, pod


@dataclass
class Churn:
    """One run: a random sequence of events, each drawn from what could happen now.

    ``settle``: wait after each event until nothing is left to do; then every write
    that is due is known beforehand, and counted in ``due``.
    """

    plane: ControlPlane
    namespace: Namespace
    vvc: Vvc
    random: random.Random
    settle: bool
    due: int = 0
    mine: set[str] = field(default_factory=set)
    """The resource versions that the driver itself made."""
    patches: int = 0
    """How many PATCHes of pods the driver made."""
    rules: str = RULES[0]
    history: list[str] = field(default_factory=list)
    used: list[Configuration] = field(default_factory=list)

    def start(self) -> None:
        self._configure(self.rules)
        self.replica = self._launch()

    def run(self, steps: int) -> None:
        events: list[tuple[int, Callable[[], str]]] = [
            (6, self._create),
            (5, self._phase),
            (4, self._annotate),
            (2, self._delete),
            (2, self._recreate),
            (1, self._end_slowly),
            (1, self._change_rules),
            (1, self._restart),
        ]
        weights = [weight for weight, _ in events]
        for _ in range(steps):
            event = self.random.choices(events, weights)[0][1]
            self.history.append(event())
            if not self.settle:
                time.sleep(self.random.choice((0.0, 0.0, 0.01, 0.05)))
        self.await_quiet()
        time.sleep(1)  # for a write that comes late
        self.await_quiet()

    def await_quiet(self) -> None:
        """Until the pure rules ask for nothing more of any pod."""

        def still_asked() -> dict[str, dict[str, str | None]]:
            plans = {pod.metadata.name: asked(pod, self.configuration) for pod in self.pods()}
            return {name: patch for name, patch in plans.items() if patch}

        eventually(still_asked, {})

    @property
    def configuration(self) -> Configuration:
        return self.used[-1]

    def pods(self) -> list[Pod]:
        answer = self.namespace.core.list_namespaced_pod(self.namespace.name, _preload_content=False)
        return [decode(json.dumps(item).encode()) for item in json.loads(answer.data)["items"]]

    def foreign_patches(self) -> int:
        """PATCHes of pods that others than the driver asked the API server for, since it started."""
        return self.server_patches() - self.patches

    def server_patches(self) -> int:
        """As the API server counts them."""
        context = ssl.create_default_context(cafile=str(self.plane.authority.certificate))
        context.load_cert_chain(self.plane.admin.certificate, self.plane.admin.key)
        with urllib.request.urlopen(f"{self.plane.server}/metrics", context=context, timeout=30) as answer:
            text = answer.read().decode()
        series = re.findall(r"^apiserver_request_total\{(.*)\} (\S+)$", text, re.MULTILINE)
        wanted = ('resource="pods"', 'subresource=""', 'verb="PATCH"')
        return sum(int(float(count)) for labels, count in series if all(label in labels for label in wanted))

    # What can happen. Each returns a line for the history.

    def _create(self) -> str:
        there = {pod.metadata.name for pod in self.pods()}
        free = [name for name in NAMES if name not in there]
        return self._make(self.random.choice(free)) if free else self._phase()

    def _make(self, name: str) -> str:
        kinds = self.random.sample(("data", "logs", "scratch"), self.random.randint(0, 3))
        written = {BACKUP_VOLUMES: self.random.choice(HANDMADE)} if self.random.random() < 0.3 else {}
        owner = self.random.choice((None, "db-nightly", "db-hourly"))
        core, namespace = self.namespace.core, self.namespace.name
        self._note(core.create_namespaced_pod(namespace, _body(name, kinds, written, owner)))
        phase = self.random.choice(PHASES)
        if phase != "Pending":  # as which it is made
            self._set_phase(name, phase)
        return f"create {name} {kinds} {written} owner {owner} {phase}"

    def _set_phase(self, name: str, phase: str) -> None:
        body = {"status": {"phase": phase}}
        self._note(self.namespace.core.patch_namespaced_pod_status(name, self.namespace.name, body))

    def _some_pod(self) -> Pod | None:
        pods = self.pods()
        return self.random.choice(pods) if pods else None

    def _phase(self) -> str:
        pod = self._some_pod()
        if pod is None:
            return self._create()
        phase = self.random.choice([phase for phase in PHASES if phase != pod.status.phase])
        self._set_phase(pod.metadata.name, phase)
        return f"phase {pod.metadata.name} {phase}"

    def _annotate(self) -> str:
        """By hand: another value, none, another marker, no marker, or both alike."""
        pod = self._some_pod()
        if pod is None:
            return self._create()
        value = self.random.choice(HANDMADE)
        key, marker = self.random.choice([*MARKERS.items()])
        changes: tuple[dict[str, str | None], ...] = (
            {key: value},
            {key: None},
            {marker: value},
            {marker: None},
            {key: value, marker: value},
            {key: None, marker: None},
        )
        change = self.random.choice(changes)
        name, now = pod.metadata.name, pod.metadata.annotations
        if all(now.get(key) == wanted for key, wanted in change.items()):
            # The answer would be the version that is there, which somebody else may have made.
            return f"annotate {name}: nothing to change"
        self.patches += 1
        body = {"metadata": {"annotations": change}}
        self._note(self.namespace.core.patch_namespaced_pod(name, self.namespace.name, body))
        return f"annotate {name} {change}"

    def _delete(self) -> str:
        pod = self._some_pod()
        if pod is None:
            return self._create()
        self.namespace.delete_pod(pod.metadata.name)
        return f"delete {pod.metadata.name}"

    def _recreate(self) -> str:
        pod = self._some_pod()
        if pod is None:
            return self._create()
        self.namespace.delete_pod(pod.metadata.name)
        return f"re{self._make(pod.metadata.name)}"

    def _end_slowly(self) -> str:
        """Terminating, and not gone: no kubelet says that its containers have ended."""
        pod = self._some_pod()
        if pod is None:
            return self._create()
        self.namespace.core.delete_namespaced_pod(pod.metadata.name, self.namespace.name)
        return f"terminate {pod.metadata.name}"

    def _change_rules(self) -> str:
        self._configure(self.random.choice([rules for rules in RULES if rules != self.rules]))
        if self.settle:
            self.due += sum(bool(asked(pod, self.configuration)) for pod in self.pods())
            reloads = lambda: self.replica.metric("vvc_configuration_reloads_total", result="success")  # noqa: E731
            eventually(lambda: reloads() > self._reloads, True)
            self._reloads = reloads()
            self.await_quiet()
        return f"rules {RULES.index(self.rules)}"

    def _configure(self, rules: str) -> None:
        self.rules = rules
        text = rules.format(namespace=self.namespace.name, lease=LEASE)
        self.vvc.config.write_text(text)
        self.used.append(load_text(text, "config.yml").configuration)

    def _restart(self) -> str:
        kill = self.random.random() < 0.5
        if kill:
            self.replica.process.kill()
            self.replica.process.wait()
        else:
            status, _ = self.replica.terminate()
            assert status == 0, self.replica.log.read_text()
        self.replica = self._launch()
        return "SIGKILL and start" if kill else "SIGTERM and start"

    def _launch(self) -> Replica:
        """Without election, which has tests of its own: a killed leader's Lease would have to run out."""
        self._reloads = 0.0
        return self.vvc.start("--no-leader-elect")

    def _note(self, pod: Any) -> None:
        """The driver made this version; when settling, wait for what it calls for."""
        self.mine.add(pod.metadata.resource_version)
        if self.settle:
            raw = self.namespace.api.sanitize_for_serialization(pod)
            self.due += bool(asked(decode(json.dumps(raw).encode()), self.configuration))
            self.await_quiet()


def _body(name: str, volumes: list[str], annotations: dict[str, str], owner: str | None) -> dict[str, Any]:
    source = {"scratch": {"emptyDir": {}}}
    metadata: dict[str, Any] = {"name": name, "annotations": annotations}
    if owner is not None:
        metadata["ownerReferences"] = [{"apiVersion": "batch/v1", "kind": "Job", "name": owner, "uid": "u"}]
    mounts = [{"name": volume, "mountPath": f"/{volume}"} for volume in volumes]
    return {
        "metadata": metadata,
        "spec": {
            "nodeName": "node1",
            "containers": [{"name": "main", "image": "none", "volumeMounts": mounts}],
            "volumes": [
                {"name": volume} | source.get(volume, {"persistentVolumeClaim": {"claimName": volume}})
                for volume in volumes
            ],
        },
    }
