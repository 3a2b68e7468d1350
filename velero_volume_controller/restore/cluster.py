"""A cluster's live objects from what ``kubectl get`` printed of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import msgspec

from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.dumps.documents import Item, items_of, read_items
from velero_volume_controller.dumps.objects import decoded
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.live import Live, decode_live
from velero_volume_controller.velero.model.backup_contents import Key
from velero_volume_controller.velero.model.pod_volume_backups import (
    PodVolumeBackup,
    decode_pod_volume_backup,
)
from velero_volume_controller.velero.model.restores import VELERO_GROUP
from velero_volume_controller.velero.model.servers import decode_server

#: How to get every object that a plan can ask about, for messages and help.
OBJECTS_COMMAND: Final = (
    "kubectl get $(kubectl api-resources --verbs=list -o name | paste -sd,) -A -o json > objects.json"
)
#: The Deployment of this project's manifests.
_OURS: Final = "velero-volume-controller"
_WEBHOOKS: Final = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})
_IN_CLUSTER: Final = "svc"


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is known of a cluster.

    ``hosts`` are namespaces on which the cluster itself or Velero depends, with the sentence that says why.
    ``kinds`` are those of which there is an object: nothing is known of any other. ``taken`` are
    PodVolumeBackups, which tell whose claims a Backup has data of.
    """

    objects: Mapping[Key, Live] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    kinds: frozenset[tuple[str, str]] = frozenset()
    taken: tuple[PodVolumeBackup, ...] = ()
    notes: tuple[str, ...] = ()


class _WireService(msgspec.Struct):
    namespace: str = ""


class _WireClient(msgspec.Struct):
    service: _WireService | None = None


class _WireHook(msgspec.Struct, rename="camel"):
    name: str = ""
    failure_policy: str = "Fail"
    client_config: _WireClient = _WireClient()


class _WireHooks(msgspec.Struct):
    webhooks: list[_WireHook] | None = None


class _WireApiSpec(msgspec.Struct):
    service: _WireService | None = None


class _WireApi(msgspec.Struct):
    spec: _WireApiSpec = _WireApiSpec()


class _WireLocationSpec(msgspec.Struct):
    config: dict[str, str] | None = None


class _WireLocation(msgspec.Struct):
    spec: _WireLocationSpec = _WireLocationSpec()


_HOOKS: Final = msgspec.json.Decoder(_WireHooks)
_API: Final = msgspec.json.Decoder(_WireApi)
_LOCATION: Final = msgspec.json.Decoder(_WireLocation)


@dataclass
class _Found:
    file: str
    objects: dict[Key, Live] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    endpoints: list[tuple[str, str]] = field(default_factory=list)
    taken: list[PodVolumeBackup] = field(default_factory=list)
    twice: int = 0

    def take(self, item: Item) -> None:
        """Read one object, for itself and for what it says of namespaces."""
        group = item.api_version.rpartition("/")[0]
        if kinds.left_out(Key(group, item.kind, "", "")):
            return
        live = decoded(item, self.file, partial(decode_live, group=group, kind=item.kind))
        known = self.objects.get(live.key)
        # What is served in two versions may be printed twice.
        self.twice += known is not None and known.uid != live.uid
        self.objects[live.key] = live
        self._look(item, live.key)

    def _look(self, item: Item, key: Key) -> None:
        match key.group, key.kind:
            case "apps", "Deployment":
                if key.name == _OURS:
                    self.hosts.setdefault(key.namespace, "this project's controller runs in it")
                if decoded(item, self.file, decode_server) is not None:
                    self.hosts[key.namespace] = "Velero runs in it"
            case "admissionregistration.k8s.io", kind if kind in _WEBHOOKS:
                for hook in decoded(item, self.file, _HOOKS.decode).webhooks or ():
                    if hook.failure_policy == "Fail":
                        self._host(hook.client_config.service, f"the webhook {hook.name} of {key}")
            case "apiregistration.k8s.io", "APIService":
                self._host(decoded(item, self.file, _API.decode).spec.service, f"the API of {key}")
            case group, _ if group == VELERO_GROUP:
                self._look_at_veleros(item, key)

    def _look_at_veleros(self, item: Item, key: Key) -> None:
        if key.kind == "BackupStorageLocation":
            config = decoded(item, self.file, _LOCATION.decode).spec.config or {}
            self.endpoints += ((value, str(key)) for value in config.values() if "://" in value)
        elif key.kind == "PodVolumeBackup":
            self.taken.append(decoded(item, self.file, decode_pod_volume_backup))

    def _host(self, service: _WireService | None, what: str) -> None:
        """Without it, requests to the API server fail."""
        if service is not None:
            self.hosts.setdefault(service.namespace, f"{what} is served from it")

    def locate(self) -> None:
        """The namespaces of endpoints inside the cluster, as ``http://minio.storage.svc:9000``."""
        there = {key.namespace for key in self.objects}
        for url, location in self.endpoints:
            try:
                labels = (urlsplit(url).hostname or "").split(".")
            except ValueError:
                continue
            inside = labels[2:3] == [_IN_CLUSTER] or len(labels) == 2
            if inside and len(labels) > 1 and labels[1] in there:
                self.hosts.setdefault(labels[1], f"{location} keeps its data in it")


def read_cluster(data: bytes, file: str) -> Cluster:
    """Read what ``OBJECTS_COMMAND`` prints, as JSON or YAML. Raises ConfigurationError with file and line."""
    found = _Found(file)
    for item in _items(data, file):
        found.take(item)
    if not found.objects:
        raise ConfigurationError(
            f"{file}:1: holds no objects, so what is live can't be told. Give what {OBJECTS_COMMAND} prints."
        )
    found.locate()
    notes = []
    if found.twice:
        notes.append(
            f"{file}: holds {found.twice} objects that have another uid further down; the last counts."
        )
    return Cluster(
        found.objects,
        found.hosts,
        frozenset(kinds.of(key) for key in found.objects),
        tuple(found.taken),
        tuple(notes),
    )


def _items(data: bytes, file: str) -> Iterator[Item]:
    """The objects in a text. One JSON document, as kubectl prints it, is taken apart where it lies: a dump of
    a large cluster is some hundred megabytes, and every copy of it as much again."""
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
        whole = data.lstrip()[:1] == b"{"
    except (msgspec.MsgspecError, UnicodeDecodeError):
        whole = False
    if whole:
        for item in items_of(data, file, 1):
            yield Item(item.kind, item.api_version, item.raw, partial(_line, data, item.raw))
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{file}:{line}: is not UTF-8 text (byte 0x{data[error.start]:02x}). Save it as UTF-8."
        ) from None
    yield from read_items(text, file)


def _line(data: bytes, raw: bytes | msgspec.Raw) -> int:
    return data.count(b"\n", 0, max(data.find(bytes(raw)), 0)) + 1
