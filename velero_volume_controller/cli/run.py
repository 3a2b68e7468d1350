"""``vvc run``: the controller itself."""

import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import structlog
import uvloop

from velero_volume_controller.api.configuration import Ownership
from velero_volume_controller.cli.asking import VeleroVersion
from velero_volume_controller.cli.options import Address, ConfigMapName, Duration, election_times
from velero_volume_controller.config import DEFAULT_PATH, load
from velero_volume_controller.manager.settings import ConfigMap, ListenAddress, Settings
from velero_volume_controller.manager.summary import summary
from velero_volume_controller.observe.log import LogFormat, set_up
from velero_volume_controller.velero.model.versions import Version

_EPILOG = """
\b
Examples:
  vvc run -c config.yml
  vvc run -c config.yml --kubeconfig ~/.kube/config --context staging --metrics-address off
  vvc run -c config.yml --ownership legacy --log-format text -v 4

\b
The Go program's own way of calling is understood as well:
  velero-volume-controller -c config.yml -v 4 -logtostderr true
"""


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of ``run`` by their names."""

    config: Path
    kubeconfig: Path | None
    context: str | None
    metrics_address: ListenAddress | None
    lease_duration: float
    renew_deadline: float
    retry_period: float
    leader_elect: bool
    ownership: str | None
    config_map: ConfigMap | None
    velero_version: Version | None
    reload_rate: float
    max_in_flight: int
    verbosity: int
    log_format: str


@click.command(epilog=_EPILOG, short_help="Annotate pods and run BackupSets until told to stop.")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    show_default=True,
    help="The configuration: a ControllerConfig, or the nine keys of the Go program's config.yml. "
    "It is read again when it changes.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path),
    help="A kubeconfig; beats the configuration's kubeConfig, KUBECONFIG and the pod's service account.",
)
@click.option("--context", help="The context of the kubeconfig to use instead of its current one.")
@click.option(
    "--ownership",
    type=click.Choice([ownership.value for ownership in Ownership]),
    help="protect leaves annotations alone that someone else wrote; legacy overwrites and strips them "
    "as the Go program did. Not given: what a ControllerConfig says, else protect.",
)
@click.option(
    "--configmap",
    "config_map",
    type=ConfigMapName(),
    help="Where the configuration comes from: a change of it that is refused gets an Event there. "
    "Not given: velero-volume-controller in the Lease's namespace.",
)
@click.option(
    "--velero-version",
    type=VeleroVersion(),
    help="The Velero whose abilities count. Not given: the tag of the image of Deployment velero in the"
    " Lease's namespace, else the newest that is known.",
)
@click.option(
    "--reload-rate",
    type=click.FloatRange(min=0.1, max=10_000),
    default=50.0,
    show_default=True,
    help="The most pods that are annotated anew each second after the configuration has changed.",
)
@click.option(
    "--metrics-address",
    type=Address(),
    default=":8080",
    show_default=True,
    help="Where /livez, /readyz and /metrics are served: HOST:PORT, :PORT or off.",
)
@click.option(
    "--leader-elect/--no-leader-elect",
    default=True,
    show_default=True,
    help="Let one of several replicas act. Without it there must be only one.",
)
@click.option(
    "--lease-duration",
    type=Duration(),
    default="15s",
    show_default=True,
    help="How long a silent leader is respected.",
)
@click.option(
    "--renew-deadline",
    type=Duration(),
    default="10s",
    show_default=True,
    help="When a leader that cannot renew gives up; shorter than the lease's duration.",
)
@click.option(
    "--retry-period",
    type=Duration(),
    default="2s",
    show_default=True,
    help="How often the Lease is renewed or tried for.",
)
@click.option(
    "--max-in-flight",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="The most requests that wait for the API server at one time.",
)
@click.option(
    "-v",
    "verbosity",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="klog's verbosity; from 4 on every decision is logged.",
)
@click.option(
    "--log-format",
    type=click.Choice([log_format.value for log_format in LogFormat]),
    default=LogFormat.AUTO.value,
    show_default=True,
    help="auto is text on a terminal and JSON elsewhere.",
)
def run(**given: Any) -> None:
    """Watch pods and annotate those whose volumes Velero should back up.

    Carries out BackupSets and their schedules too, where their CustomResourceDefinitions are installed.
    Runs until SIGTERM or Ctrl-C. Exits with 2 when the configuration cannot be used and
    with 1 when the cluster cannot be reached or refuses.
    """
    options = _Options(**given)
    times = election_times(options.lease_duration, options.renew_deadline, options.retry_period)
    ownership = None if options.ownership is None else Ownership(options.ownership)
    loaded = load(options.config, ownership)
    set_up(options.verbosity, LogFormat(options.log_format))
    log = structlog.get_logger(__name__)
    for warning in loaded.warnings:
        log.warning(warning)
    log.info("configuration", **summary(loaded.configuration))
    settings = Settings(
        configuration=loaded.configuration,
        path=options.config,
        ownership=ownership,
        config_map=options.config_map,
        kubeconfig=options.kubeconfig,
        context=options.context,
        listen=options.metrics_address,
        leader_elect=options.leader_elect,
        election=times,
        max_in_flight=options.max_in_flight,
        velero_version=options.velero_version,
        reload_rate=options.reload_rate,
    )
    with _ended_by_sigterm():
        # Imported here: the Kubernetes library takes a second that --help and a wrong key need not wait for.
        from velero_volume_controller.manager.run import run as annotate  # noqa: PLC0415

        # What the imports made stays for ever. Left in the collector's sight, it stopped the event loop for
        # 70 to 110 ms each time that all generations were collected.
        gc.freeze()
        uvloop.run(annotate(settings))


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Until the event loop handles it: the first process of a container is deaf to it otherwise."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
