"""A cluster's objects as text, as ``kubectl get`` prints them: for questions without a cluster. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.dumps.documents import ADVICE, Item, complaint, read_items
from velero_volume_controller.velero.model.claims import Claim, PersistentVolume, decode_claim, decode_volume
from velero_volume_controller.velero.model.namespaces import Namespace, decode_namespace
from velero_volume_controller.velero.model.pods import Pod, decode
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.unseen import UNSEEN
from velero_volume_controller.velero.model.versions import NEWEST, Version

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Objects:
    """What was read, the pods in the order of the input.

    A kind of which there is nothing is None in ``surroundings``, as if it could
    not be read. ``storage_classes`` are the names of those that exist, None if
    unknown. ``warnings`` are complete sentences; those about kinds that are missing
    are in ``unseen``, too.
    """

    pods: tuple[Pod, ...]
    surroundings: Surroundings
    warnings: tuple[str, ...] = ()
    storage_classes: frozenset[str] | None = None
    unseen: frozenset[str] = frozenset()


class _Metadata(msgspec.Struct):
    name: str


class _StorageClass(msgspec.Struct):
    metadata: _Metadata


class _LooseMetadata(msgspec.Struct):
    name: object = None
    namespace: object = None


class _Loose(msgspec.Struct):
    metadata: _LooseMetadata | None = None


_STORAGE_CLASS: Final = msgspec.json.Decoder(_StorageClass)


@dataclass
class _Found:
    """What was read so far. Of two objects of one kind and name the last counts."""

    file: str
    pods: dict[tuple[str, str], Pod] = field(default_factory=dict)
    claims: dict[tuple[str, str], Claim] = field(default_factory=dict)
    volumes: dict[str, PersistentVolume] = field(default_factory=dict)
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    classes: dict[str, None] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    first_other: Item | None = None

    def take(self, item: Item) -> None:
        match (item.kind, item.api_version):
            case ("Pod", "v1" | ""):
                pod = self._decode(item, decode)
                self._put(self.pods, (pod.metadata.namespace, pod.metadata.name), pod, item)
            case ("PersistentVolumeClaim", "v1" | ""):
                claim = self._decode(item, decode_claim)
                if not claim.namespace:
                    raise unusable(item, self.file, "found none of metadata.namespace")
                self._put(self.claims, (claim.namespace, claim.name), claim, item)
            case ("PersistentVolume", "v1" | ""):
                volume = self._decode(item, decode_volume)
                self._put(self.volumes, volume.name, volume, item)
            case ("Namespace", "v1" | ""):
                namespace = self._decode(item, decode_namespace)
                self._put(self.namespaces, namespace.name, namespace, item)
            case ("StorageClass", version) if not version or version.startswith("storage.k8s.io/"):
                self._put(self.classes, self._decode(item, _STORAGE_CLASS.decode).metadata.name, None, item)
            case (kind, _):
                self.others[kind] = self.others.get(kind, 0) + 1
                self.first_other = self.first_other or item

    @property
    def told_others(self) -> str:
        """How many objects of which kinds decide nothing."""
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self.others.items()))

    def refuse_others(self) -> None:
        """Raises ConfigurationError if nothing but such objects was found: a table, a configuration."""
        ours = self.pods or self.claims or self.volumes or self.namespaces or self.classes
        if self.first_other is not None and not ours:
            raise ConfigurationError(
                f"{self.file}:{self.first_other.line()}: expected Pods and what is about them,"
                f" found {self.told_others}. {ADVICE}."
            )

    def _decode(self, item: Item, decoder: Callable[[bytes | msgspec.Raw], V]) -> V:
        return decoded(item, self.file, decoder)

    def _put(self, store: dict[K, V], key: K, value: V, item: Item) -> None:
        if key in store:
            self.twice.append(f"{item.kind} {'/'.join(key) if isinstance(key, tuple) else key}")
        store[key] = value


def decoded(item: Item, file: str, decoder: Callable[[bytes | msgspec.Raw], V]) -> V:
    """What the decoder makes of the object. Raises ConfigurationError with its line and name."""
    try:
        return decoder(item.raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unusable(item, file, complaint(error)) from None


def unusable(item: Item, file: str, found: str) -> ConfigurationError:
    """The error about an object in which that was found."""
    advice = ADVICE[0].lower() + ADVICE[1:]
    return ConfigurationError(
        f"{file}:{item.line()}: {item.kind}{_name(item)} can't be read: {found}. Correct it, or {advice}."
    )


def _name(item: Item) -> str:
    """The name of an object that does not decode, after a space, as far as there is one."""
    try:
        metadata = msgspec.json.decode(item.raw, type=_Loose).metadata or _LooseMetadata()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    names = [name for name in (metadata.namespace, metadata.name) if isinstance(name, str)]
    return f" {'/'.join(names)}" if names else ""


def read_objects(text: str, file: str, velero: Version = NEWEST) -> Objects:
    """Read JSON or YAML: a List, several documents, or single objects; ``file`` is what messages call it.

    Kinds that decide nothing are left out. Raises ConfigurationError with file and
    line for what is not Kubernetes's or does not decode, and if there are no others.
    """
    return collect(read_items(text, file), file, velero)


def collect(items: Iterable[Item], file: str, velero: Version = NEWEST) -> Objects:
    """Decode objects that were taken apart already. Raises ConfigurationError as ``read_objects``."""
    found = _Found(file)
    for item in items:
        found.take(item)
    found.refuse_others()
    surroundings = Surroundings(
        namespaces=found.namespaces or None,
        claims=found.claims or None,
        persistent_volumes=found.volumes or None,
        velero=velero,
    )
    pods = tuple(found.pods.values())
    classes = frozenset(found.classes) or None
    unseen = tuple(_unseen(found, pods, surroundings))
    return Objects(pods, surroundings, (*_oddities(found, pods), *unseen), classes, frozenset(unseen))


def _oddities(found: _Found, pods: tuple[Pod, ...]) -> Iterator[str]:
    if not pods:
        others = f" (found {found.told_others})" if found.others else ""
        yield f"{found.file}: the objects hold no Pods, so there is nothing to decide{others}."
    if found.twice:
        more = f" and {len(found.twice) - 1} more" if len(found.twice) > 1 else ""
        yield f"{found.file}: holds {found.twice[0]}{more} more than once; the last one counts."


def _unseen(found: _Found, pods: tuple[Pod, ...], surroundings: Surroundings) -> Iterator[str]:
    """Kinds that the objects refer to and do not hold."""
    claimed = any(volume.claim is not None for pod in pods for volume in pod.spec.volumes)
    bound = any(claim.volume for claim in found.claims.values())
    for wanted, mapping, kind in (
        (claimed, surroundings.claims, "PersistentVolumeClaims"),
        (bound, surroundings.persistent_volumes, "PersistentVolumes"),
        (bool(pods), surroundings.namespaces, "Namespaces"),
    ):
        if wanted and mapping is None:
            what = UNSEEN[kind.lower()]
            yield f"{found.file}: the objects hold no {kind}, so what hangs on them ({what}) is unchecked."
