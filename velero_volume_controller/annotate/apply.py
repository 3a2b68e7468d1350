"""One PATCH of the two annotations, which changes that version of that pod or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import msgspec

from velero_volume_controller.kube.client import MERGE_PATCH, Client
from velero_volume_controller.kube.errors import ApiError
from velero_volume_controller.kube.watches import Key
from velero_volume_controller.velero.model.pods import Pod, decode, decode_metadata


class Outcome(Enum):
    """Why a patch changed nothing."""

    #: The pod has changed since, or another pod has its name: read it again and decide again.
    CONFLICT = "conflict"
    #: The pod is gone, and with it the work.
    GONE = "gone"


def patch(pod: Pod, annotations: Mapping[str, str | None]) -> bytes:
    """The merge patch. uid and resourceVersion make the API server refuse it for any other pod or version.

    A StatefulSet's pod keeps its name when it is made anew, hence the uid.
    """
    metadata = {
        "uid": pod.metadata.uid,
        "resourceVersion": pod.metadata.resource_version,
        "annotations": annotations,
    }
    return msgspec.json.encode({"metadata": metadata})


async def write(client: Client, pod: Pod, annotations: Mapping[str, str | None]) -> Pod | Outcome:
    """The pod as it is now that it is written, or why it is not.

    Raises as Client.request does, but for 404 and 409, which are outcomes.

    Sent once: who calls tries again later, and does other pods meanwhile.
    """
    path = _path(Key(pod.metadata.namespace, pod.metadata.name))
    body = patch(pod, annotations)
    try:
        answer = await client.request("PATCH", path, body=body, content_type=MERGE_PATCH, once=True)
    except ApiError as error:
        if error.status == 409:
            return Outcome.CONFLICT
        if _is_gone(error):
            return Outcome.GONE
        raise
    # What answers 200 in the API server's stead (a proxy) has written nothing.
    try:
        written = decode_metadata(answer)
    except msgspec.MsgspecError:
        written = None
    if written is None or written.uid != pod.metadata.uid:
        raise ApiError("PATCH", path, 200, "", "the answer is no pod, or another one; is a proxy in between?")
    # The resourceVersion that the patch named makes sure that nothing else has changed.
    return msgspec.structs.replace(pod, metadata=written)


async def read(client: Client, key: Key) -> Pod | None:
    """The pod as it is now, past the cache; None if it is gone or can't be read."""
    try:
        return decode(await client.request("GET", _path(key), once=True))
    except msgspec.MsgspecError:
        return None
    except ApiError as error:
        if _is_gone(error):
            return None
        raise


def _path(key: Key) -> str:
    return f"/api/v1/namespaces/{key.namespace}/pods/{key.name}"


def _is_gone(error: ApiError) -> bool:
    # A 404 that is not Kubernetes's own says nothing about the pod.
    return error.status == 404 and error.reason == "NotFound"
