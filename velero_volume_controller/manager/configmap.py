"""Events on the ConfigMap that the configuration comes from."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
import structlog

from velero_volume_controller.kube.client import Client
from velero_volume_controller.kube.errors import ApiError, KubeError
from velero_volume_controller.kube.events import Event, Recorder, Regarding
from velero_volume_controller.manager.settings import ConfigMap

INVALID: Final = "InvalidConfiguration"
ACCEPTED: Final = "ConfigurationAccepted"
#: How long the ConfigMap is waited for: the next configuration may come during an outage, too. Seconds.
PATIENCE: Final = 5.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _Metadata(msgspec.Struct):
    uid: str = ""


class _Object(msgspec.Struct):
    metadata: _Metadata


class ConfigMapEvents:
    """Says on the ConfigMap what became of it, as long as this process leads."""

    def __init__(self, client: Client, recorder: Recorder, config_map: ConfigMap) -> None:
        self._client = client
        self._recorder = recorder
        self._config_map = config_map

    async def tell(self, accepted: bool, text: str) -> None:
        """``text`` is one or two sentences."""
        if not self._recorder.running:
            return
        uid = await self._uid()
        if uid is None:
            return
        regarding = Regarding("ConfigMap", self._config_map.namespace, self._config_map.name, uid)
        if accepted:
            told = Event(regarding, ACCEPTED, "LoadConfiguration", text, warning=False, urgent=True)
        else:
            note = f"The last good configuration stays in force. {text}"
            told = Event(regarding, INVALID, "KeepConfiguration", note, urgent=True)
        self._recorder.emit(told)

    async def _uid(self) -> str | None:
        """None if there is no such ConfigMap. Empty if it may not be read: then `kubectl events` finds the
        Event, and only `kubectl describe` does not."""
        path = f"/api/v1/namespaces/{self._config_map.namespace}/configmaps/{self._config_map.name}"
        try:
            async with asyncio.timeout(PATIENCE):
                body = await self._client.request("GET", path)
            return msgspec.json.decode(body, type=_Object).metadata.uid
        except ApiError as error:
            if error.status == 404:
                return None
            log.debug("the ConfigMap could not be read", error=str(error))
        except (KubeError, TimeoutError, msgspec.MsgspecError) as error:
            log.debug("the ConfigMap could not be read", error=str(error))
        return ""
