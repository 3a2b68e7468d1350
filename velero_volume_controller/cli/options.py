"""Types of options: durations, addresses and the Lease's times."""

import re
from typing import Final

import click

from velero_volume_controller.kube.lease import ElectionTimes
from velero_volume_controller.manager.settings import ListenAddress

_DURATION: Final = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>ms|s|m|h|)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}


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


def election_times(lease_duration: float, renew_deadline: float, retry_period: float) -> ElectionTimes:
    """The Lease's times in seconds; raises a usage error that says which two of them clash."""
    try:
        return ElectionTimes(lease_duration, renew_deadline, retry_period)
    except ValueError as error:
        raise click.UsageError(
            f"--lease-duration, --renew-deadline and --retry-period do not fit together: {error}."
        ) from None
