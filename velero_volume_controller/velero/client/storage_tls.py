"""Whom to trust when a storage location is read by us, as its BackupStorageLocation says."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from typing import Final

import msgspec

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import KubeError
from velero_volume_controller.velero.client.lanes import STORAGE_LOCATIONS

#: In the config of a location of Velero's AWS plugin.
_INSECURE: Final = "insecureSkipTLSVerify"


class Distrusted(KubeError):  # noqa: N818  (the name says what is the case)
    """The certificates that a location names can't be used."""


@dataclass(frozen=True, slots=True)
class Trust:
    """``certificates`` (PEM) are trusted besides the system's; ``insecure``: any certificate is."""

    certificates: str = ""
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """For a connection. Reads the system's certificates. Raises Distrusted."""
        context = ssl.create_default_context()
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self.certificates:
            try:
                context.load_verify_locations(cadata=self.certificates)
            except (ssl.SSLError, ValueError) as error:
                raise Distrusted(
                    f"The caCert of the BackupStorageLocation holds no certificates ({error}); correct it."
                ) from None
        return context


class _WireReference(msgspec.Struct):
    name: str = ""
    key: str = ""


class _WireStorage(msgspec.Struct, rename="camel"):
    certificates: str = msgspec.field(default="", name="caCert")
    reference: _WireReference | None = msgspec.field(default=None, name="caCertRef")


class _WireSpec(msgspec.Struct, rename="camel", frozen=True):
    config: dict[str, str] | None = None
    object_storage: _WireStorage | None = None


class _WireLocation(msgspec.Struct):
    spec: _WireSpec = _WireSpec()


class _WireSecret(msgspec.Struct):
    data: dict[str, str] | None = None


_LOCATION: Final = msgspec.json.Decoder(_WireLocation)
_SECRET: Final = msgspec.json.Decoder(_WireSecret)


async def read_trust(client: Client, namespace: str, location: str) -> Trust:
    """As velero's own commands have it (1.18, pkg/cmd/util/cacert): caCertRef, else caCert.

    Raises Distrusted, and as Client.request: with status 404 if there is no such location.
    """
    path = STORAGE_LOCATIONS.path(namespace, location)
    try:
        spec = _LOCATION.decode(await client.request("GET", path)).spec
        storage = spec.object_storage or _WireStorage()
        insecure = (spec.config or {}).get(_INSECURE, "").lower() == "true"
        if storage.reference is None:
            return Trust(base64.b64decode(storage.certificates).decode(), insecure)
        name, key = storage.reference.name, storage.reference.key
        secret = _SECRET.decode(await client.request("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}"))
        encoded = (secret.data or {}).get(key)
        if encoded is None:
            raise Distrusted(
                f"Secret {namespace}/{name}, which the caCertRef of BackupStorageLocation {location} names,"
                f" has no key {key}; correct one of them."
            )
        return Trust(base64.b64decode(encoded).decode(), insecure)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Distrusted(
            f"The certificates of BackupStorageLocation {namespace}/{location} can't be read ({error});"
            " correct its caCert or caCertRef."
        ) from None
