"""The numbers that Prometheus reads from ``/metrics``.

One registry for each process of the controller (and each replica in a test),
none of it global.
"""

import platform
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

#: A BackupSet takes minutes to hours.
_RUN_SECONDS: Final = (60, 300, 900, 1800, 3600, 7200, 14400, 28800, 57600, 86400)
#: A phase of a CleanRestore takes seconds to hours.
_PHASE_SECONDS: Final = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 14400, 43200)
#: A step reads caches and asks the API server for a handful of things; a plan takes up to a second.
_STEP_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
#: Most decisions need no request and take a fraction of a millisecond; one with a write takes milliseconds,
#: one that is retried or waits for the API server seconds.
_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10, 30)


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
            "What was done to annotations: add, update, remove, adopt; or foreign: one of somebody else's"
            " was found and left alone, counted once for each pod and value.",
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
            "Watches begun again, by resource and why: end, expired, error, forbidden.",
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
        self.pods = Gauge(
            "vvc_pods",
            "Pods by how they were decided: foreign, unchecked, backup, skip, or undecided, which is every"
            " pod where this process does not lead. The sum is the number of pods.",
            ["decision"],
            registry=self.registry,
        )
        self._of_the_loop()
        self._of_the_configuration()
        self._of_backup_sets()
        self._of_clean_restores()
        self._of_rehearsals()

    def _of_the_loop(self) -> None:
        self.queue_depth = Gauge("vvc_queue_depth", "Pods waiting to be decided.", registry=self.registry)
        self.queue_oldest = Gauge(
            "vvc_queue_oldest_seconds",
            "How long the pod at the head of the queue has been waiting; 0 where none waits.",
            registry=self.registry,
        )
        self.reconcile_seconds = Histogram(
            "vvc_reconcile_duration_seconds",
            "How long a pod took from the queue until it was dealt with, requests and retries included.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.events = Counter(
            "vvc_events_total",
            "Events by reason and what became of them: created, exists, repeated, suppressed, dropped,"
            " forbidden, failed.",
            ["reason", "result"],
            registry=self.registry,
        )

    def _of_the_configuration(self) -> None:
        self.reloads = Counter(
            "vvc_configuration_reloads_total",
            "Changes of the configuration's file that were taken up: success or failure.",
            ["result"],
            registry=self.registry,
        )
        self.configuration_valid = Gauge(
            "vvc_configuration_valid",
            "1 while the configuration's file is the one in force, 0 while it was refused or is gone and the"
            " last good one stays in force.",
            registry=self.registry,
        )

    def _of_backup_sets(self) -> None:
        self.backup_sets = Gauge(
            "vvc_backupset_phase",
            "BackupSets by phase, where this process leads; new is one that was not looked at yet.",
            ["phase"],
            registry=self.registry,
        )
        self.backup_set_seconds = Histogram(
            "vvc_backupset_duration_seconds",
            "How long BackupSets took from their start to their end, by the phase they ended in.",
            ["phase"],
            buckets=_RUN_SECONDS,
            registry=self.registry,
        )
        self.backup_set_attempts = Counter(
            "vvc_backupset_attempts_total",
            "Backups of BackupSets that ended: completed, partially_failed, failed, lost, refused.",
            ["result"],
            registry=self.registry,
        )
        self.backup_set_queue_depth = Gauge(
            "vvc_backupset_queue_depth", "BackupSets waiting for their next step.", registry=self.registry
        )
        self.backup_set_step_seconds = Histogram(
            "vvc_backupset_step_duration_seconds",
            "How long one step of a BackupSet took, its plan and its requests included.",
            buckets=_STEP_SECONDS,
            registry=self.registry,
        )
        self.backup_set_plan_seconds = Histogram(
            "vvc_backupset_plan_duration_seconds",
            "How long a plan took to make.",
            buckets=_STEP_SECONDS,
            registry=self.registry,
        )
        self.schedule_success = Gauge(
            "vvc_backupset_schedule_last_success_timestamp_seconds",
            "When the newest Completed BackupSet of a schedule ended, in seconds since 1970.",
            ["namespace", "schedule"],
            registry=self.registry,
        )
        self.schedule_problem = Gauge(
            "vvc_backupset_schedules_with_problems",
            "Schedules that make no BackupSets because they can't be understood.",
            registry=self.registry,
        )

    def _of_clean_restores(self) -> None:
        self.clean_restores = Gauge(
            "vvc_clean_restores",
            "CleanRestores by phase, where this process leads; new is one that was not looked at yet.",
            ["phase"],
            registry=self.registry,
        )
        self.clean_restore_seconds = Histogram(
            "vvc_clean_restore_seconds",
            "How long the phases of CleanRestores took, by how they ended: done, failed, cancelled.",
            ["phase", "result"],
            buckets=_PHASE_SECONDS,
            registry=self.registry,
        )
        self.clean_restore_deleted = Counter(
            "vvc_clean_restore_objects_deleted_total",
            "Objects that CleanRestores have told to go; what the garbage collector takes along not counted.",
            registry=self.registry,
        )
        self.clean_restore_step_errors = Counter(
            "vvc_clean_restore_step_errors_total",
            "Steps of CleanRestores that could not be taken or carried out, and were tried again.",
            registry=self.registry,
        )
        self.clean_restore_left_stilled = Gauge(
            "vvc_clean_restore_left_stilled",
            "Workloads that stand still for a CleanRestore that is gone, where this process leads.",
            registry=self.registry,
        )
        self.clean_restore_queue_depth = Gauge(
            "vvc_clean_restore_queue_depth",
            "CleanRestores waiting for their next step.",
            registry=self.registry,
        )
        self.clean_restore_step_seconds = Histogram(
            "vvc_clean_restore_step_duration_seconds",
            "How long one step of a CleanRestore took, its plan and its requests included.",
            buckets=_STEP_SECONDS,
            registry=self.registry,
        )
        self.clean_restore_plan_seconds = Histogram(
            "vvc_clean_restore_plan_duration_seconds",
            "How long a plan took to make, what it is made from not counted.",
            buckets=_STEP_SECONDS,
            registry=self.registry,
        )

    def _of_rehearsals(self) -> None:
        self.rehearsal_success = Gauge(
            "vvc_rehearsal_last_success_timestamp_seconds",
            "When the newest rehearsal ended whose data came back, in seconds since 1970; by the schedule"
            " that made the BackupSet, empty where none did.",
            ["schedule"],
            registry=self.registry,
        )
        self.rehearsal_seconds = Gauge(
            "vvc_rehearsal_duration_seconds",
            "What that one took from the first Restore: until the data was in place (data), until all pods"
            " were ready (ready).",
            ["schedule", "until"],
            registry=self.registry,
        )

    def exposition(self) -> tuple[bytes, str]:
        """What ``/metrics`` answers: the body and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
