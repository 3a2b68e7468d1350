"""Kubeconfigs as kubectl understands them, read by kubernetes-asyncio.

Its own way in splits every path at colons, and of several files lets the last one
say which context is meant. kubectl takes the first: with the same KUBECONFIG the
two would talk to different clusters.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import ConfigException
from kubernetes_asyncio.config.kube_config import KubeConfigLoader, KubeConfigMerger

#: An exec plugin that takes longer is taken for hung. Seconds.
PLUGIN_TIMEOUT: Final = 60.0


class Missing(Exception):  # noqa: N818
    """There is no kubeconfig where one was said to be."""


def kubeconfigs(named: Path | None) -> list[Path]:
    """The files that are meant: the one named, else KUBECONFIG's, else the usual one; none in a pod."""
    if named is not None:
        return [named.expanduser()]
    if os.environ.get("KUBECONFIG"):
        return [Path(part).expanduser() for part in os.environ["KUBECONFIG"].split(os.pathsep) if part]
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return []
    usual = Path.home() / ".kube" / "config"
    return [usual] if usual.exists() else []


async def load(files: list[Path], context: str | None, configuration: Configuration) -> KubeConfigLoader:
    """Fills the configuration, and returns what can run an exec plugin again.

    Raises Missing if none of the files is there, and for one that has not a
    kubeconfig's form whatever kubernetes-asyncio does.
    """
    present = [file for file in files if file.is_file()]
    if not present:
        raise Missing
    loader = _merged(present, context) if len(present) > 1 else _alone(present[0], context)
    try:
        async with asyncio.timeout(PLUGIN_TIMEOUT):
            await loader.load_and_set(configuration)
    except FileNotFoundError as error:
        # uvloop does not say which file it is.
        if error.filename is None:
            raise ConfigException("the command of its exec plugin is not there") from error
        raise
    return loader


def _alone(file: Path, context: str | None) -> KubeConfigLoader:
    # Relative paths in it are relative to it.
    return KubeConfigLoader(_document(file), context, config_base_path=str(file.parent.absolute()))


def _merged(files: list[Path], context: str | None) -> KubeConfigLoader:
    contexts = (_document(file).get("current-context") for file in files)
    merged = KubeConfigMerger(os.pathsep.join(map(str, files)))
    return KubeConfigLoader(
        merged.config, context or next(filter(None, contexts), None), config_base_path=None
    )


def _document(file: Path) -> dict[str, Any]:
    document = yaml.safe_load(file.read_text())
    if not isinstance(document, dict):
        raise ConfigException(
            f"{file.name} does not have a kubeconfig's form: expected a map of its sections"
        )
    return document
