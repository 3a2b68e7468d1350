"""What keeps a key from going on, told once until it succeeds: it is tried again and again."""

from __future__ import annotations

import structlog

from velero_volume_controller.kube.errors import Fenced, KubeError
from velero_volume_controller.kube.watches import Key


class Complaints:
    """What was last told of each key."""

    def __init__(self, log: structlog.stdlib.BoundLogger) -> None:
        self._log = log
        self._said: dict[Key, str] = {}

    def tell(self, key: Key, error: KubeError, message: str, **fields: str) -> None:
        """A warning, or at debug level if the same was told of this key before."""
        if isinstance(error, Fenced):
            return  # another replica leads, and will do it
        said = str(error)
        level = self._log.debug if self._said.get(key) == said else self._log.warning
        self._said[key] = said
        level(message, **fields, error=said)

    def forget(self, key: Key) -> None:
        """It has gone on, or is gone."""
        self._said.pop(key, None)
