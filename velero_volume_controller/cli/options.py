"""Options that commands share, and their types: durations, addresses and the Lease's times."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from velero_volume_controller.kube.lease import ElectionTimes
from velero_volume_controller.manager.settings import ConfigMap, ListenAddress

#: As client-go's ``leaderelection.JitterFactor``: a retry may come this much later than its period.
_JITTER: Final = 1.2

#: A Lease says its duration in 32 bits; long before that it is a slip of the pen. Seconds.
_LONGEST_LEASE: Final = 86_400.0

_DURATION: Final = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>ms|s|m|h|)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}

_NAMESPACED: Final = re.compile(r"(?P<namespace>[a-z0-9][-a-z0-9]{0,62})/(?P<name>[a-z0-9][-.a-z0-9]{0,252})")


Command = TypeVar("Command", bound=Callable[..., Any])

#: Which cluster is asked, and which Velero's namespace in it.
_CLUSTER: Final = (
    click.option(
        "-n",
        "--namespace",
        default="velero",
        show_default=True,
        envvar="VELERO_NAMESPACE",
        help="The namespace of Velero, where BackupSets and CleanRestores are too.",
    ),
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        help="A kubeconfig; beats KUBECONFIG and the pod's service account.",
    ),
    click.option("--context", help="The context of the kubeconfig to use instead of its current one."),
)


def cluster_options(command: Command) -> Command:
    """Add ``namespace``, ``kubeconfig`` and ``context`` to a command, in this order, before its own."""
    for option in reversed(_CLUSTER):
        command = option(command)
    return command


def without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    """What options say, without what none speaks of."""
    return {key: value for key, value in values.items() if value not in (None, [], {})}


def names(given: Iterable[str]) -> list[str]:
    """Of an option that may be repeated, and takes several names joined by commas."""
    return [name.strip() for each in given for name in each.split(",") if name.strip()]


class Duration(click.ParamType[float]):
    """``15s``, ``500ms``, ``1m``, or a plain number of seconds; becomes seconds."""

    name = "duration"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds, more than none."""
        if not isinstance(value, str):
            return value
        match = _DURATION.fullmatch(value)
        if match is None or float(match["number"]) == 0:
            self.fail(f"expected a duration such as 15s or 1m, found {value!r}.", param, ctx)
        return float(match["number"]) * _SECONDS[match["unit"]]


class Address(click.ParamType[ListenAddress | None]):
    """``HOST:PORT``, ``:PORT`` for every interface, or ``off``; becomes a ListenAddress or None."""

    name = "address"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> ListenAddress | None:
        """An IPv6 host stands in brackets, as in a URL."""
        if value == "off":
            return None
        host, colon, port = value.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        well_formed = colon and (bracketed or ":" not in host) and re.fullmatch(r"\d{1,5}", port)
        if not well_formed or int(port) > 65535:
            self.fail(f"expected HOST:PORT, :PORT or off, found {value!r}.", param, ctx)
        return ListenAddress(host[1:-1] if bracketed else host, int(port))


class ConfigMapName(click.ParamType[ConfigMap]):
    """``NAMESPACE/NAME``."""

    name = "namespace/name"

    def convert(
        self, value: str | ConfigMap, param: click.Parameter | None, ctx: click.Context | None
    ) -> ConfigMap:
        """Lower-case names, as Kubernetes allows them."""
        if isinstance(value, ConfigMap):
            return value
        match = _NAMESPACED.fullmatch(value)
        if match is None:
            self.fail(f"expected NAMESPACE/NAME such as velero/my-config, found {value!r}.", param, ctx)
        return ConfigMap(match["namespace"], match["name"])


def election_times(lease_duration: float, renew_deadline: float, retry_period: float) -> ElectionTimes:
    """The Lease's times in seconds, as client-go demands them; raises a usage error that says which clash.

    A Lease holds whole seconds, and another replica believes what it holds.
    """
    if lease_duration > _LONGEST_LEASE:
        raise click.UsageError(
            f"--lease-duration {lease_duration:g}s: expected a day at most: so long may nobody lead."
        )
    if lease_duration != int(lease_duration):
        raise click.UsageError(
            f"--lease-duration {lease_duration:g}s: expected whole seconds: a Lease holds no fractions."
        )
    if lease_duration <= renew_deadline:
        raise click.UsageError(
            f"--lease-duration {lease_duration:g}s must be longer than --renew-deadline {renew_deadline:g}s: "
            "a leader must give up before another may take over."
        )
    if renew_deadline <= _JITTER * retry_period:
        raise click.UsageError(
            f"--renew-deadline {renew_deadline:g}s must be longer than {_JITTER:g} times "
            f"--retry-period {retry_period:g}s: a leader needs time for more than one try."
        )
    return ElectionTimes(lease_duration, renew_deadline, retry_period)
