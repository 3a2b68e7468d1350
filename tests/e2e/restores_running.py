"""A CleanRestore in the cluster: created, approved, followed to its end; its plan, as it is kept."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from hack.lab import audit, kubectl
from hack.lab.progress import wait_until
from hack.lab.shell import LabError

RESOURCE = "cleanrestores.vvc.velero.io"
RESUME = "vvc.velero.io/resume"
ENDED = frozenset({"Completed", "CompletedWithWarnings", "Failed", "Cancelled"})
#: What the tests wait for an end at most; it takes a minute or two.
SECONDS = 420
#: Planning asks Velero for the Backup's files, and lists the whole cluster.
PLANNING_SECONDS = 120


@dataclass(frozen=True)
class PlannedObject:
    """One object of a plan: `kind` as Kind.group, `uid` of the live one."""

    kind: str
    namespace: str
    name: str
    action: str
    reason: str
    uid: str

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.namespace}/{self.name}: {self.reason}"


@dataclass(frozen=True)
class KeptPlan:
    """A plan: every object, and the uids of those that are deleted by themselves."""

    objects: tuple[PlannedObject, ...]
    cleared: frozenset[str]
    targets: Mapping[str, str]

    @property
    def deleted(self) -> frozenset[str]:
        """The uids of all that goes, by itself or with what owns it."""
        return frozenset(each.uid for each in self.objects if each.action == "delete")

    def action(self, kind: str, name: str) -> str:
        """What becomes of an object of this kind and name; empty where the plan has none."""
        found = [each.action for each in self.objects if (each.kind, each.name) == (kind, name)]
        return found[0] if found else ""

    def names(self, action: str) -> set[str]:
        """KIND/NAME of all of whom this becomes."""
        return {f"{each.kind}/{each.name}" for each in self.objects if each.action == action}


@dataclass(frozen=True)
class RunningRestore:
    """A CleanRestore by its name and namespace. For the audit: when it was made, and all its plans."""

    namespace: str
    name: str = field(default_factory=lambda: f"clean-{uuid4().hex[:6]}")
    since: datetime = field(default_factory=audit.now)
    plans: list[KeptPlan] = field(default_factory=list)

    def create(self, spec: Mapping[str, Any]) -> None:
        """Make it, with this spec."""
        manifest = {
            "apiVersion": "vvc.velero.io/v1alpha1",
            "kind": "CleanRestore",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": spec,
        }
        kubectl.apply(json.dumps(manifest))

    def get(self) -> Any:
        """The object; None where there is none."""
        return kubectl.get("-n", self.namespace, RESOURCE, self.name)

    def status(self) -> dict[str, Any]:
        """What the controller says of it; empty where it has said nothing."""
        status: dict[str, Any] = (self.get() or {}).get("status", {})
        return status

    def phase(self) -> str:
        """Its phase; empty at first."""
        return str(self.status().get("phase", ""))

    def patch(self, spec: Mapping[str, Any]) -> None:
        """Change its spec."""
        self._patch({"spec": spec})

    def plan(self) -> KeptPlan:
        """Wait until there is one that may be carried out; raises LabError with what stands against it."""
        self.wait_for(
            lambda status: status.get("phase") == "AwaitingApproval", "it is planned", PLANNING_SECONDS
        )
        found = self.kept_plan()
        self.plans.append(found)
        return found

    def kept_plan(self) -> KeptPlan:
        """The plan of its ConfigMaps, read without the controller's own code."""
        names = self.status()["plan"]["configMaps"]
        parts = [kubectl.get("-n", self.namespace, "configmap", name)["binaryData"] for name in names]
        packed = b"".join(base64.b64decode(value) for part in parts for value in part.values())
        found = json.loads(gzip.decompress(packed))
        objects = tuple(map(_planned, found["objects"]))
        cleared = frozenset(each["uid"] for each in found["clear"])
        return KeptPlan(objects, cleared, found["targets"])

    def approve(self) -> None:
        """As a person who has read the plan."""
        self.patch({"planHash": self.status()["plan"]["hash"]})

    def carry_out(self) -> KeptPlan:
        """Approve the plan as soon as there is one; the plan."""
        plan = self.plan()
        self.approve()
        return plan

    def resume(self) -> None:
        """Tell a failed one to go on."""
        self._patch({"metadata": {"annotations": {RESUME: uuid4().hex}}})

    def wait_for_end(self, seconds: float = SECONDS) -> dict[str, Any]:
        """Its status once it has ended; raises LabError with all that is told of it where it does not."""
        self._wait(lambda: self.phase() in ENDED, "it ends", seconds)
        return self.status()

    def wait_for_phase(self, phase: str, seconds: float = SECONDS) -> dict[str, Any]:
        """Its status once it is in this phase; raises LabError where it ends before."""
        self.wait_for(lambda status: status.get("phase") == phase, f"it is {phase}", seconds)
        return self.status()

    def wait_for(
        self, condition: Callable[[dict[str, Any]], bool], what: str, seconds: float = SECONDS
    ) -> None:
        """Wait until its status is so; raises LabError where it ends before."""

        def so() -> bool:
            status = self.status()
            if condition(status):
                return True
            if status.get("phase") in ENDED:
                raise LabError(
                    f"{self.name} has ended {status['phase']} before this: {what}\n{self.all_told()}"
                )
            return False

        self._wait(so, what, seconds)

    def condition(self, type_: str) -> dict[str, str]:
        """One of its conditions; empty where there is none of that type."""
        found = [each for each in self.status().get("conditions", ()) if each["type"] == type_]
        return found[0] if found else {}

    def said(self) -> str:
        """What it says of itself: the message of Progressing."""
        return self.condition("Progressing").get("message", "")

    def reason(self) -> str:
        """Why, in one word: the reason of Progressing."""
        return self.condition("Progressing").get("reason", "")

    def phases(self) -> list[str]:
        """The phases that it has gone through, in order."""
        return [each["phase"] for each in self.status().get("steps", ())]

    def events(self) -> list[str]:
        """The Events on it, as TYPE REASON: MESSAGE."""
        events = kubectl.items("-n", self.namespace, "events.events.k8s.io")
        mine = [event for event in events if event["regarding"].get("name") == self.name]
        return [f"{event['type']} {event['reason']}: {event.get('note', '')}" for event in mine]

    def all_told(self) -> str:
        """For who wants to know why it is as it is."""
        return f"{json.dumps(self.status(), indent=1)}\n" + "\n".join(self.events())

    def remove(self) -> None:
        """Delete it; nothing that it restored goes with it."""
        kubectl.kubectl("-n", self.namespace, "delete", RESOURCE, self.name, "--ignore-not-found")

    def _patch(self, body: Mapping[str, Any]) -> None:
        patch = ["patch", RESOURCE, self.name, "--type=merge", "-p", json.dumps(body)]
        kubectl.kubectl("-n", self.namespace, *patch)

    def _wait(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        try:
            wait_until(condition, f"{self.name}: {what}", seconds=seconds, every=0.3)
        except LabError as error:
            raise LabError(f"{error}\n{self.all_told()}") from error


def _planned(found: Any) -> PlannedObject:
    key = found["key"]
    group, kind, namespace, name = key.values() if isinstance(key, dict) else key
    return PlannedObject(
        f"{kind}.{group}" if group else kind,
        namespace,
        name,
        found["action"],
        found["reason"],
        found.get("uid", ""),
    )
