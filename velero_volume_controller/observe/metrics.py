"""The numbers that Prometheus reads from ``/metrics``.

One registry for each process of the controller (and each replica in a test),
none of it global.
"""

import platform

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST


class Metrics:
    """Every metric of the controller; the help texts say what is counted and in which unit."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Gauge(
            "vvc_build_info",
            "Always 1; the labels say what runs.",
            ["version", "python"],
            registry=self.registry,
        )
        build.labels(version, platform.python_version()).set(1)
        self.annotations = Counter(
            "vvc_annotations_total",
            "Decisions about pods that called for something, by what was done to the annotation: "
            "add, update, remove, adopt, or foreign (somebody else's, left alone).",
            ["action"],
            registry=self.registry,
        )
        self.api_requests = Counter(
            "vvc_api_requests_total",
            "Requests to the API server by verb and HTTP status; code 0 is no answer.",
            ["verb", "code"],
            registry=self.registry,
        )
        self.watch_restarts = Counter(
            "vvc_watch_restarts_total",
            "Watches begun again, by resource and why: end, expired, error.",
            ["resource", "reason"],
            registry=self.registry,
        )
        self.undecodable = Counter(
            "vvc_undecodable_objects_total",
            "Objects from the API server that did not decode and were skipped.",
            ["resource"],
            registry=self.registry,
        )
        self.loop_errors = Counter(
            "vvc_loop_errors_total",
            "Errors that nothing expected, caught at the top of a loop.",
            ["loop"],
            registry=self.registry,
        )
        self.leader = Gauge("vvc_leader", "1 while this process leads, else 0.", registry=self.registry)
        self.queue_depth = Gauge("vvc_queue_depth", "Pods waiting to be decided.", registry=self.registry)
        self.pods = Gauge("vvc_pods", "Pods in the cache.", registry=self.registry)

    def exposition(self) -> tuple[bytes, str]:
        """What ``/metrics`` answers: the body and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
