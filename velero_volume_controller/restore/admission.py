"""Admission webhooks that must answer, and what they are asked about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from velero_volume_controller.api.backupset import LabelSelector
from velero_volume_controller.api.selectors import selects
from velero_volume_controller.velero.model.backup_contents import Key

_ANY: Final = "*"
#: The label that every namespace has.
NAME_LABEL: Final = "kubernetes.io/metadata.name"


class Rule(msgspec.Struct, frozen=True, rename="camel"):
    """What a webhook is asked about (admissionregistration.k8s.io/v1, RuleWithOperations).

    Its versions do not count: with matchPolicy Equivalent, the default, it is asked about any version.
    """

    operations: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    scope: str = _ANY

    def fits(self, operation: str, key: Key, plural: str) -> bool:
        """Whether it is about this operation on this object."""
        scope = "Namespaced" if key.namespace else "Cluster"
        return (
            bool({operation, _ANY}.intersection(self.operations))
            and bool({key.group, _ANY}.intersection(self.api_groups))
            and bool({plural, _ANY, "*/*"}.intersection(self.resources))
            and self.scope in {scope, _ANY}
        )


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook with failurePolicy Fail that a Service of the cluster serves.

    ``choosy``: which objects it is asked about hangs on what is in them (objectSelector, matchConditions).
    ``selector`` is of namespaces; an empty one is of all.
    """

    name: str
    configuration: str
    service: tuple[str, str]
    rules: tuple[Rule, ...]
    selector: LabelSelector
    choosy: bool

    def asked(self, operation: str, key: Key, plural: str) -> bool:
        """Whether it may be asked about this operation, as far as its rules go."""
        return any(rule.fits(operation, key, plural) for rule in self.rules)

    def about(self, key: Key, labels: Mapping[str, str] | None) -> bool | None:
        """Whether it is about objects there; None if it can't be told.

        ``labels`` are those of the object's namespace, None where there is no such namespace yet. Of
        cluster-scoped objects, Namespaces alone are selected by it.
        """
        told = None if self.choosy else True
        if not (self.selector.match_labels or self.selector.match_expressions):
            return told
        if not key.namespace:
            return None if key.kind == "Namespace" else told
        if labels is None:
            labels = {NAME_LABEL: key.namespace}
            asked = {*self.selector.match_labels, *(each.key for each in self.selector.match_expressions)}
            if not asked <= labels.keys():
                return None
        return told if selects(self.selector, labels) else False


class _WireService(msgspec.Struct):
    namespace: str = ""
    name: str = ""


class _WireClient(msgspec.Struct, frozen=True):
    service: _WireService | None = None


class _WireHook(msgspec.Struct, rename="camel"):
    name: str = ""
    failure_policy: str = "Fail"
    client_config: _WireClient = _WireClient()
    rules: tuple[Rule, ...] | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: dict[str, msgspec.Raw] | None = None
    match_conditions: tuple[msgspec.Raw, ...] | None = None


class _WireMetadata(msgspec.Struct):
    name: str


class _WireHooks(msgspec.Struct):
    metadata: _WireMetadata
    webhooks: list[_WireHook] | None = None


class _WireConditions(msgspec.Struct, frozen=True):
    ready: bool | None = None


class _WireEndpoint(msgspec.Struct):
    conditions: _WireConditions = _WireConditions()


class _WireSlice(msgspec.Struct):
    endpoints: list[_WireEndpoint] | None = None


_HOOKS: Final = msgspec.json.Decoder(_WireHooks)
_SLICE: Final = msgspec.json.Decoder(_WireSlice)


def decode_hooks(raw: bytes | msgspec.Raw, kind: str) -> Iterator[Hook]:
    """Decode a webhook configuration of this kind. Raises msgspec.MsgspecError if it is none."""
    wire = _HOOKS.decode(raw)
    for hook in wire.webhooks or ():
        service = hook.client_config.service
        if hook.failure_policy != "Fail" or service is None:
            continue
        yield Hook(
            name=hook.name,
            configuration=f"{kind} {wire.metadata.name}",
            service=(service.namespace, service.name),
            rules=hook.rules or (),
            selector=hook.namespace_selector or LabelSelector(),
            choosy=bool(hook.object_selector) or bool(hook.match_conditions),
        )


def has_ready(raw: bytes | msgspec.Raw) -> bool:
    """Whether an EndpointSlice has a ready endpoint: one that does not say counts as ready (discovery/v1)."""
    return any(each.conditions.ready is not False for each in _SLICE.decode(raw).endpoints or ())
