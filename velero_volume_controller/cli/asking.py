"""What ``plan`` and ``explain`` have in common: which configuration, and which objects it is asked about."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from velero_volume_controller.annotate.preview import Preview, preview
from velero_volume_controller.api.configuration import Ownership
from velero_volume_controller.cli.options import ConfigMapName
from velero_volume_controller.cli.progress import Bar
from velero_volume_controller.config import ConfigurationError, Loaded, load_text, source
from velero_volume_controller.dumps.objects import Objects, read_objects
from velero_volume_controller.kube.errors import KubeconfigError
from velero_volume_controller.manager.settings import ConfigMap
from velero_volume_controller.observe.log import LogFormat, set_up
from velero_volume_controller.velero.model.versions import NEWEST, Version, parse_version

Command = TypeVar("Command", bound=Callable[..., Any])


class VeleroVersion(click.ParamType[Version]):
    """``1.18``, ``v1.16.2``."""

    name = "version"

    def convert(
        self, value: str | Version, param: click.Parameter | None, ctx: click.Context | None
    ) -> Version:
        """What Velero takes differs between versions."""
        if isinstance(value, Version):
            return value
        try:
            return parse_version(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


@dataclass(frozen=True, slots=True)
class Question:
    """The shared options by their names. ``config`` None is the live ConfigMap."""

    config: Path | None
    config_map: ConfigMap
    objects: str | None
    kubeconfig: Path | None
    context: str | None
    ownership: str | None
    velero_version: Version | None

    @property
    def owned(self) -> Ownership | None:
        """None: as the configuration says."""
        return None if self.ownership is None else Ownership(self.ownership)


_OPTIONS = (
    click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        help="The configuration to ask about, of either format, live or not yet; - is standard input. "
        "Not given: the ConfigMap in the cluster.",
    ),
    click.option(
        "--configmap",
        "config_map",
        type=ConfigMapName(),
        default="velero/velero-volume-controller",
        show_default=True,
        metavar="NAMESPACE/NAME",
        help="The ConfigMap whose key config.yml is the live configuration.",
    ),
    click.option(
        "--objects",
        metavar="FILE|-",
        help="Ask about these objects and no cluster: what `kubectl get pods,pvc,pv,ns,sc -A -o json` prints "
        "(or -o yaml, or JSON lines); - is standard input.",
    ),
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        help="A kubeconfig; beats the configuration's own, KUBECONFIG and the pod's service account.",
    ),
    click.option("--context", help="The context of the kubeconfig to use instead of its current one."),
    click.option(
        "--ownership",
        type=click.Choice([ownership.value for ownership in Ownership]),
        help="protect leaves annotations alone that someone else wrote, legacy overwrites and strips them. "
        "Not given: as the configuration says, and protect for the nine keys.",
    ),
    click.option(
        "--velero-version",
        type=VeleroVersion(),
        help="The Velero whose abilities count. Not given: the tag of the image of Deployment velero, "
        f"else {NEWEST}.",
    ),
)


def options(command: Command) -> Command:
    """Add the shared options to a command, in this order, before its own."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def ask(question: Question, namespace: str | None = None, loaded: Loaded | None = None) -> Preview:
    """What the configuration decides about the objects; ``namespace`` None is all of them.

    ``loaded`` is the question's configuration where it was read already: a pipe can be read once only.
    Raises ConfigurationError for what the user wrote, KubeError for the cluster.
    """
    if question.objects is not None:
        for option in ("kubeconfig", "context"):
            if getattr(question, option) is not None:
                raise click.UsageError(f"--objects and --{option}: expected one of them, found both.")
    if loaded is None and question.config is not None:
        if str(question.config) == question.objects == "-":
            raise click.UsageError("--config - and --objects -: standard input can be read once only.")
        loaded = load_configuration(str(question.config), question.owned)
    if question.objects is None:
        loaded, objects = _live(question, loaded, namespace)
    elif loaded is None:
        raise click.UsageError("--objects: the configuration to ask about is missing; name it with --config.")
    else:
        objects = read_objects(*read_text(question.objects), question.velero_version or NEWEST)
    objects = replace(objects, warnings=(*loaded.warnings, *objects.warnings))
    return preview(objects, loaded.configuration)


def _live(question: Question, loaded: Loaded | None, namespace: str | None) -> tuple[Loaded, Objects]:
    set_up(0, LogFormat.AUTO)
    try:
        with Bar() as bar:
            return asyncio.run(_read_cluster(question, loaded, namespace, bar))
    except KubeconfigError as error:
        raise KubeconfigError(f"{error}; without a cluster, give --objects") from None


async def _read_cluster(
    question: Question, loaded: Loaded | None, namespace: str | None, bar: Bar
) -> tuple[Loaded, Objects]:
    # Imported here: the Kubernetes library takes a second that --help and --objects need not wait for.
    from velero_volume_controller.annotate.snapshot import configuration_text, take  # noqa: PLC0415
    from velero_volume_controller.kube.client import Client  # noqa: PLC0415
    from velero_volume_controller.kube.credentials import Cluster  # noqa: PLC0415
    from velero_volume_controller.velero.client.server import server_version  # noqa: PLC0415

    cluster = Cluster(question.kubeconfig, question.context)
    if loaded is not None:
        named = loaded.configuration.cluster
        configured = Path(named.kube_config) if named.kube_config else None
        cluster = Cluster(question.kubeconfig or configured, question.context, named.master_url)
    async with Client.connect(cluster) as client:
        if loaded is None:
            where = question.config_map
            text = await configuration_text(client, where.namespace, where.name)
            loaded = load_text(text, f"ConfigMap {where.namespace}/{where.name}", question.owned)
        configuration = loaded.configuration
        velero = question.velero_version
        if velero is None:
            velero = await server_version(client, configuration.cluster.lease_namespace) or NEWEST
        objects = await take(client, configuration, bar, namespace=namespace, velero=velero)
    return loaded, objects


def called(file: str) -> str:
    """What messages call a file; ``-`` is standard input."""
    return "standard input" if file == "-" else file


def load_configuration(file: str, ownership: Ownership | None = None) -> Loaded:
    """Read a configuration; ``-`` is standard input. Raises ConfigurationError."""
    if file != "-":
        return load_text(source.read_text(Path(file)), file, ownership)
    data = sys.stdin.buffer.read(source.MAX_BYTES + 1)
    return load_text(source.decode(data, called(file)), called(file), ownership)


def read_data(path: str, option: str = "--objects") -> tuple[bytes, str]:
    """A file's bytes, however many, and what messages call it; ``-`` is standard input.

    Raises ConfigurationError. ``option`` is where the user named the file.
    """
    name = called(path)
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes(), name
    except FileNotFoundError:
        raise ConfigurationError(f"{name}: there is no such file. Correct the path of {option}.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"{name}: can't be read: {reason}. Correct the path of {option}.") from None


def read_text(path: str, option: str = "--objects") -> tuple[str, str]:
    """The text of such a file. Raises ConfigurationError."""
    data, name = read_data(path, option)
    try:
        return data.decode("utf-8-sig"), name
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{name}:{line}: is not UTF-8 text (byte 0x{data[error.start]:02x}). Save it as UTF-8."
        ) from None
