"""Namespaces on which the cluster itself or Velero depends: nothing in them may be cleared away. Pure.

Without its storage a Restore can't read the backup, without its provisioner no claim is bound, and without
a webhook that must answer, or the server of an API, requests to the API server fail; the garbage collector
and the deletion of namespaces wait for APIs that do not answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import msgspec

from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.restores import VELERO_GROUP
from velero_volume_controller.velero.model.servers import decode_server

#: The Deployment of this project's manifests.
_OURS: Final = "velero-volume-controller"
_WEBHOOKS: Final = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})
_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
#: A provisioner elects its leader with one of these, which bears its name: with dashes for all that is no
#: letter or digit (csi-lib-utils, leaderelection.sanitizeName), or for slashes alone
#: (sig-storage-lib-external-provisioner, controller.go).
LOCKS: Final = frozenset({("coordination.k8s.io", "Lease"), ("", "Endpoints"), ("", "ConfigMap")})
#: Kinds of which more is read here than their metadata.
READ_WHOLE: Final = frozenset(
    {
        *(("apps", kind) for kind in _WORKLOADS),
        *(("admissionregistration.k8s.io", kind) for kind in _WEBHOOKS),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("storage.k8s.io", "StorageClass"),
        (VELERO_GROUP, "BackupStorageLocation"),
    }
)
#: Provisioners of Kubernetes's own, which run in no namespace.
_IN_TREE: Final = "kubernetes.io/"
_IN_CLUSTER: Final = "svc"
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9-]")


class _WireService(msgspec.Struct, frozen=True):
    namespace: str = ""


class _WireClient(msgspec.Struct, frozen=True):
    service: _WireService | None = None


class _WireHook(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    failure_policy: str = "Fail"
    client_config: _WireClient = _WireClient()


class _WireHooks(msgspec.Struct, frozen=True):
    webhooks: list[_WireHook] | None = None


class _WireApiSpec(msgspec.Struct, frozen=True):
    service: _WireService | None = None


class _WireApi(msgspec.Struct, frozen=True):
    spec: _WireApiSpec = _WireApiSpec()


class _WireConversionHook(msgspec.Struct, frozen=True, rename="camel"):
    client_config: _WireClient | None = None


class _WireConversion(msgspec.Struct, frozen=True):
    webhook: _WireConversionHook | None = None


class _WireCrdSpec(msgspec.Struct, frozen=True):
    conversion: _WireConversion | None = None


class _WireCrd(msgspec.Struct, frozen=True):
    spec: _WireCrdSpec = _WireCrdSpec()


class _WireLocationSpec(msgspec.Struct, frozen=True):
    config: dict[str, str] | None = None


class _WireLocation(msgspec.Struct, frozen=True):
    spec: _WireLocationSpec = _WireLocationSpec()


class _WireClass(msgspec.Struct, frozen=True):
    provisioner: str = ""


class _WireVariable(msgspec.Struct, frozen=True):
    value: str | None = None


class _WireContainer(msgspec.Struct, frozen=True):
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[_WireVariable] | None = None


class _WireHostPath(msgspec.Struct, frozen=True):
    path: str = ""


class _WireVolume(msgspec.Struct, frozen=True, rename="camel"):
    host_path: _WireHostPath | None = None


class _WirePodSpec(msgspec.Struct, frozen=True):
    containers: list[_WireContainer] | None = None
    volumes: list[_WireVolume] | None = None


class _WireTemplate(msgspec.Struct, frozen=True):
    spec: _WirePodSpec = _WirePodSpec()


class _WireWorkloadSpec(msgspec.Struct, frozen=True):
    template: _WireTemplate = _WireTemplate()


class _WireWorkload(msgspec.Struct, frozen=True):
    spec: _WireWorkloadSpec = _WireWorkloadSpec()


_HOOKS: Final = msgspec.json.Decoder(_WireHooks)
_API: Final = msgspec.json.Decoder(_WireApi)
_CRD: Final = msgspec.json.Decoder(_WireCrd)
_LOCATION: Final = msgspec.json.Decoder(_WireLocation)
_CLASS: Final = msgspec.json.Decoder(_WireClass)
_WORKLOAD: Final = msgspec.json.Decoder(_WireWorkload)


@dataclass
class Hosts:
    """Collects from objects, one by one, which namespaces they make indispensable."""

    _sure: dict[str, str] = field(default_factory=dict)
    _endpoints: list[tuple[str, str]] = field(default_factory=list)
    _provisioners: dict[str, str] = field(default_factory=dict)
    _locks: set[tuple[str, str]] = field(default_factory=set)
    _words: dict[str, set[str]] = field(default_factory=dict)

    def look(self, key: Key, raw: bytes | msgspec.Raw) -> None:
        """Take in one object, of whatever kind. Raises msgspec.MsgspecError if it is malformed."""
        if (key.group, key.kind) in LOCKS:
            self._locks.add((key.namespace, key.name))
        match key.group, key.kind:
            case "apps", kind if kind in _WORKLOADS:
                self._look_at_workload(key, raw)
            case "storage.k8s.io", "StorageClass":
                provisioner = _CLASS.decode(raw).provisioner
                if provisioner and not provisioner.startswith(_IN_TREE):
                    self._provisioners.setdefault(provisioner, str(key))
            case group, "BackupStorageLocation" if group == VELERO_GROUP:
                config = _LOCATION.decode(raw).spec.config or {}
                self._endpoints += ((value, str(key)) for value in config.values() if "://" in value)
            case _:
                self._look_at_api(key, raw)

    def _look_at_api(self, key: Key, raw: bytes | msgspec.Raw) -> None:
        """Without what serves these, requests to the API server fail."""
        match key.group, key.kind:
            case "admissionregistration.k8s.io", kind if kind in _WEBHOOKS:
                for hook in _HOOKS.decode(raw).webhooks or ():
                    if hook.failure_policy == "Fail":
                        self._serves(hook.client_config.service, f"the webhook {hook.name} of {key}")
            case "apiregistration.k8s.io", "APIService":
                self._serves(_API.decode(raw).spec.service, f"the API of {key}")
            case "apiextensions.k8s.io", "CustomResourceDefinition":
                conversion = _CRD.decode(raw).spec.conversion
                client = conversion.webhook.client_config if conversion and conversion.webhook else None
                self._serves(client.service if client else None, f"the conversion webhook of {key}")

    def _look_at_workload(self, key: Key, raw: bytes | msgspec.Raw) -> None:
        if key.kind == "Deployment":
            if key.name == _OURS:
                self._sure.setdefault(key.namespace, "this project's controller runs in it")
            if decode_server(raw) is not None:
                self._sure[key.namespace] = "Velero runs in it"
        self._words.setdefault(key.namespace, set()).update(_words(_WORKLOAD.decode(raw)))

    def _serves(self, service: _WireService | None, what: str) -> None:
        if service is not None:
            self._sure.setdefault(service.namespace, f"{what} is served from it")

    def found(self, namespaces: frozenset[str]) -> dict[str, str]:
        """The sentence that says why, by namespace. ``namespaces`` are those that there are."""
        hosts = dict(self._sure)
        for url, location in self._endpoints:
            if (name := _namespace_of(url)) in namespaces:
                hosts.setdefault(name, f"{location} keeps its data in it")
        for name in sorted(namespaces):
            for provisioner, storage_class in self._provisioners.items():
                if self._provisions(name, provisioner):
                    hosts.setdefault(name, f"the provisioner {provisioner} of {storage_class} runs in it")
        return hosts

    def _provisions(self, namespace: str, provisioner: str) -> bool:
        """Kubernetes does not know where a provisioner runs: its lock or its own pods tell."""
        locks = {provisioner.replace("/", "-"), _NOT_IN_NAMES.sub("-", provisioner)}
        if any((namespace, lock) in self._locks for lock in locks):
            return True
        return any(
            word == provisioner or word.endswith(f"/{provisioner}") or f"/{provisioner}/" in word
            for word in self._words.get(namespace, ())
        )


def _words(workload: _WireWorkload) -> Iterator[str]:
    """What may name a provisioner: values of options and variables, and where a driver's socket lies."""
    spec = workload.spec.template.spec
    for container in spec.containers or ():
        for argument in (*(container.command or ()), *(container.args or ())):
            yield argument.rpartition("=")[2]
        yield from (variable.value for variable in container.env or () if variable.value)
    yield from (volume.host_path.path for volume in spec.volumes or () if volume.host_path)


def _namespace_of(url: str) -> str:
    """That of an endpoint inside the cluster, as ``http://minio.storage.svc:9000``; else empty."""
    try:
        labels = (urlsplit(url).hostname or "").split(".")
    except ValueError:
        return ""
    return labels[1] if len(labels) == 2 or labels[2:3] == [_IN_CLUSTER] else ""
