"""A live cluster's objects, read once: what ``kubectl get`` would dump, without the dump."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

import msgspec

from velero_volume_controller.api.configuration import Configuration
from velero_volume_controller.dumps.objects import Objects
from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.lists import pages
from velero_volume_controller.kube.permissions import Permission
from velero_volume_controller.policy.needs import needs
from velero_volume_controller.velero.model.claims import decode_claim, decode_volume
from velero_volume_controller.velero.model.namespaces import decode_namespace
from velero_volume_controller.velero.model.pods import decode
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.unseen import UNSEEN
from velero_volume_controller.velero.model.versions import NEWEST, Version

#: How often a list is begun anew when the server forgot it between two pages.
TRIES: Final = 3

K = TypeVar("K")
T = TypeVar("T")


class Unreadable(KubeError):  # noqa: N818  (the name says what is the case)
    """The question can't be answered without what this user may not read."""


class Progress(Protocol):
    """Told of every page: the resource, how many were read, and of how many if the server says."""

    def __call__(self, resource: str, read: int, total: int | None) -> None:
        """Called on the event loop; must return at once."""


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Named(msgspec.Struct):
    metadata: _Metadata


async def take(
    client: Client,
    configuration: Configuration,
    progress: Progress,
    *,
    namespace: str | None = None,
    velero: Version = NEWEST,
) -> Objects:
    """List pods and what decides with them; ``namespace`` None is all of them.

    What may not be listed is None, with a warning. Raises Unreadable, with the
    missing verb, for pods and for what a rule can't do without, else as Client.request.
    """
    reader = _Reader(client, configuration, progress, namespace)
    pods = await reader.read("pods", decode)
    assert pods is not None, "without pods Unreadable is raised"
    if configuration.as_go_program:
        return Objects(tuple(pods), Surroundings(velero=velero), tuple(reader.warnings))
    claims = await reader.read("persistentvolumeclaims", decode_claim)
    volumes = await reader.read("persistentvolumes", decode_volume)
    namespaces = await reader.read("namespaces", decode_namespace)
    surroundings = Surroundings(
        namespaces=_by(lambda each: each.name, namespaces),
        claims=_by(lambda each: (each.namespace, each.name), claims),
        persistent_volumes=_by(lambda each: each.name, volumes),
        velero=velero,
    )
    classes = await reader.storage_classes()
    return Objects(tuple(pods), surroundings, tuple(reader.warnings), classes)


class _ConfigMap(msgspec.Struct):
    data: dict[str, str] | None = None


async def configuration_text(client: Client, namespace: str, name: str) -> str:
    """What the ConfigMap holds under its key config.yml. Raises Unreadable if there is none."""
    what = f"ConfigMap {namespace}/{name}"
    advice = "Name another with --configmap NAMESPACE/NAME, or give a file with --config"
    try:
        body = await client.request("GET", f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        data = msgspec.json.decode(body, type=_ConfigMap).data or {}
    except ApiError as error:
        if error.status == 404:
            raise Unreadable(f"{what} is not there. {advice}") from None
        if error.status == 403:
            permission = Permission("get", "configmaps", namespace=namespace, name=name)
            raise Unreadable(f"{what}: this user or service account may not {permission}. {advice}") from None
        raise
    except msgspec.MsgspecError as error:
        raise Unreadable(f"{what} can't be read: {error}. {advice}") from None
    if "config.yml" not in data:
        found = ", ".join(sorted(data)) or "no keys"
        raise Unreadable(f"{what}: expected the key config.yml, found {found}. {advice}")
    return data["config.yml"]


class _Reader:
    def __init__(
        self, client: Client, configuration: Configuration, progress: Progress, namespace: str | None
    ) -> None:
        self.warnings: list[str] = []
        self._client = client
        self._configuration = configuration
        self._progress = progress
        self._namespace = namespace

    async def read(self, resource: str, decoder: Callable[[msgspec.Raw], T]) -> list[T] | None:
        """The decoded objects of the core group; None if they may not be listed and nothing needs them."""
        path, query, where = f"/api/v1/{resource}", {}, ""
        if self._namespace is not None and resource in {"pods", "persistentvolumeclaims"}:
            path, where = f"/api/v1/namespaces/{self._namespace}/{resource}", self._namespace
        elif self._namespace is not None and resource == "namespaces":
            query = {"fieldSelector": f"metadata.name={self._namespace}"}
        try:
            items = await self._list(resource, path, query)
        except ApiError as error:
            if error.status != 403:
                raise
            self._do_without(Permission("list", resource, namespace=where))
            return None
        return [each for item in items if (each := self._decoded(resource, item, decoder)) is not None]

    async def storage_classes(self) -> frozenset[str] | None:
        """Their names. None if no rule asks for any, or they may not be listed."""
        if all(rule.volumes.storage_classes is None for rule in self._configuration.rules):
            return None
        try:
            items = await self._list("storageclasses", "/apis/storage.k8s.io/v1/storageclasses", {})
        except ApiError as error:
            if error.status in {403, 404}:
                return None
            raise
        return frozenset(msgspec.json.decode(item, type=_Named).metadata.name for item in items)

    async def _list(self, resource: str, path: str, query: Mapping[str, str]) -> list[msgspec.Raw]:
        for last in (False,) * (TRIES - 1) + (True,):
            items: list[msgspec.Raw] = []
            try:
                async for page in pages(self._client, path, query):
                    items += page.items
                    total = None if page.remaining is None else len(items) + page.remaining
                    self._progress(resource, len(items), total)
            except ApiError as error:
                if error.status != 410 or last:
                    raise
            else:
                return items
        raise AssertionError("the last try returns or raises")

    def _do_without(self, permission: Permission) -> None:
        resource = permission.resource
        refusal = f"this user or service account may not {permission}"
        if resource == "pods":
            raise Unreadable(
                f"{refusal}, and without pods there is nothing to decide. Grant it, or use --objects"
            )
        for rule, needed in needs(self._configuration):
            if needed == resource:
                raise Unreadable(
                    f"{self._configuration.source}: rule {rule} can't be decided without {resource}, and"
                    f" {refusal}. Grant it with a ClusterRole and a binding, as in the project's manifests"
                )
        self.warnings.append(f"{refusal}, so what hangs on them ({UNSEEN[resource]}) is unchecked.")

    def _decoded(self, resource: str, item: msgspec.Raw, decoder: Callable[[msgspec.Raw], T]) -> T | None:
        """None for an object that can't be read: the controller leaves it alone, too."""
        try:
            return decoder(item)
        except msgspec.MsgspecError as error:
            try:
                metadata = msgspec.json.decode(item, type=_Named).metadata
            except msgspec.MsgspecError:
                metadata = _Metadata()
            name = "/".join(filter(None, (metadata.namespace, metadata.name))) or "without a name"
            self.warnings.append(f"one of the {resource}, {name}, can't be read ({error}) and is left out.")
            return None


def _by(key: Callable[[T], K], found: list[T] | None) -> dict[K, T] | None:
    return None if found is None else {key(each): each for each in found}
