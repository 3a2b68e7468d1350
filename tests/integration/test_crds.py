"""The CustomResourceDefinitions on a real API server: what it lets in, and its words for what it refuses."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from kubernetes import client

from tests.integration.cluster import Namespace
from tests.integration.sets import GROUP, VERSION, install_crds, make

_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def installed(api: client.ApiClient) -> None:
    install_crds(api)


def a_set(**spec: Any) -> dict[str, Any]:
    return make("BackupSet", f"set-{next(_numbers)}", spec)


def a_schedule(**spec: Any) -> dict[str, Any]:
    return make("BackupSetSchedule", f"schedule-{next(_numbers)}", {"schedule": "@daily", **spec})


def objects(namespace: Namespace) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(namespace.api)


def create(namespace: Namespace, body: dict[str, Any]) -> Any:
    plural = f"{body['kind'].lower()}s"
    return objects(namespace).create_namespaced_custom_object(GROUP, VERSION, namespace.name, plural, body)


def refusal(namespace: Namespace, body: dict[str, Any]) -> str:
    with pytest.raises(client.ApiException) as refused:
        create(namespace, body)
    assert refused.value.status == 422, refused.value.body
    return str(json.loads(refused.value.body or "")["message"])


def test_what_is_left_out_is_shown_as_what_is_in_effect(namespace: Namespace) -> None:
    assert create(namespace, a_set())["spec"] == {
        "concurrency": {"max": "auto", "perNode": "auto"},
        "paused": False,
        "retry": {"backoff": "1m", "limit": 2},
        "selection": {"clusterResources": True, "namespaces": {"include": ["*"]}},
    }
    made = create(namespace, a_schedule())["spec"]
    assert made["timeZone"] == "UTC"
    assert made["concurrencyPolicy"] == "Forbid"
    assert (made["successfulHistoryLimit"], made["failedHistoryLimit"]) == (3, 1)


def test_a_set_that_says_everything(namespace: Namespace) -> None:
    spec = {
        "selection": {
            "namespaces": {
                "include": ["shop-*", "*"],
                "exclude": ["kube-system"],
                "selector": {
                    "matchLabels": {"app.kubernetes.io/part-of": "shop"},
                    "matchExpressions": [
                        {"key": "tier", "operator": "In", "values": ["db"]},
                        {"key": "tmp", "operator": "DoesNotExist"},
                    ],
                },
            },
            "clusterResources": False,
        },
        "template": {
            "ttl": "720h0m0s",
            "hooks": {"resources": [{"name": "freeze", "pre": []}]},
            "orLabelSelectors": [{"matchLabels": {"a": "b"}}],
            "ofANewerVelero": {"x": [1, True, None]},
        },
        "together": [["shop", "shop-db"], ["bank", "bank-db"]],
        "first": ["billing"],
        "isolate": ["media"],
        "maxShards": 8,
        "concurrency": {"max": 4, "perNode": 2},
        "lanes": [{"namespace": "velero", "slots": 4}, {"namespace": "velero-b"}],
        "retry": {"limit": 0, "backoff": "1m30s"},
        "deadline": "4h",
        "window": {"start": "22:00", "end": "05:30", "timeZone": "Europe/Berlin"},
        "paused": True,
    }
    made = create(namespace, a_set(**spec))["spec"]
    spec["template"]["ofANewerVelero"]["x"] = [1, True, None]  # type: ignore[index]
    assert made == spec


def test_the_largest_set_costs_the_api_server_no_more_than_it_gives(namespace: Namespace) -> None:
    def group(number: int) -> list[str]:
        return [f"{'n' * 50}-{number}-{member}" for member in range(32)]

    spec = {
        "selection": {"namespaces": {"include": [f"{'n' * 50}-{number}" for number in range(1024)]}},
        "together": [group(number) for number in range(64)],
        "isolate": [f"{'i' * 50}-{number}" for number in range(64)],
        "first": [f"{'f' * 50}-{number}" for number in range(1024)],
        "lanes": [{"namespace": f"velero-{number}"} for number in range(64)],
    }
    made = create(namespace, a_set(**spec))
    assert len(made["spec"]["together"]) == 64
    name = made["metadata"]["name"]
    plan(namespace, name)
    change(namespace, name, {"paused": True})
    told = refusal(namespace, a_set(**{**spec, "isolate": [group(63)[31]]}))
    assert "a namespace is in isolate and in a group of together" in told
    groups = [group(number)[:8] for number in range(61)]
    told = refusal(namespace, a_set(together=[*groups, ["other", groups[0][0]]]))
    assert "a namespace is in two groups" in told


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an empty list of namespaces": (
        {"selection": {"namespaces": {"include": []}}},
        "spec.selection.namespaces.include in body should have at least 1 items",
    ),
    "a name that no namespace bears": (
        {"selection": {"namespaces": {"include": ["Shop"]}}},
        "spec.selection.namespaces.include[0]: Invalid value",
    ),
    "an operator without its values": (
        {"selection": {"namespaces": {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}}},
        "operators In and NotIn need values; Exists and DoesNotExist take none",
    ),
    "values that an operator has no use for": (
        {
            "selection": {
                "namespaces": {
                    "selector": {
                        "matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]
                    }
                }
            }
        },
        "operators In and NotIn need values; Exists and DoesNotExist take none",
    ),
    "a namespace in two groups": (
        {"together": [["a", "b"], ["c", "d"], ["d", "e"]]},
        "spec.together: Invalid value … a namespace is in two groups; write one group",
    ),
    "the same group twice": (
        {"together": [["a", "b"], ["a", "b"]]},
        "a namespace is in two groups",
    ),
    "a group of one": (
        {"together": [["a"]]}, "spec.together[0] in body should have at least 2 items",
    ),
    "a group of one name twice": ({"together": [["a", "a"]]}, 'spec.together[0][1]: Duplicate value: "a"'),
    "a namespace that is to be with another and alone": (
        {"together": [["a", "b"]], "isolate": ["c", "b"]},
        "spec: Invalid value … a namespace is in isolate and in a group of together; remove it from one",
    ),
    "a name twice in first": ({"first": ["a", "a"]}, 'spec.first[1]: Duplicate value: "a"'),
    "one lane twice": (
        {"lanes": [{"namespace": "velero"}, {"namespace": "velero", "slots": 2}]},
        "spec.lanes[1]: Duplicate value",
    ),
    "a lane without slots": (
        {"lanes": [{"namespace": "velero", "slots": 0}]}, "should be greater than or equal to 1",
    ),
    "no concurrency at all": (
        {"concurrency": {"max": 0}},
        "spec.concurrency.max: Invalid value … expected auto or a whole number from 1 on",
    ),
    "a word for a concurrency": (
        {"concurrency": {"perNode": "much"}},
        "spec.concurrency.perNode: Invalid value … expected auto or a whole number from 1 on",
    ),
    "more retries than help": ({"retry": {"limit": 11}}, "should be less than or equal to 10"),
    "a backoff without a unit": ({"retry": {"backoff": "60"}}, "spec.retry.backoff in body should match"),
    "no deadline at all": (
        {"deadline": "0s"},
        "spec.deadline: Invalid value … expected a duration longer than none, such as 90s or 1h30m",
    ),
    "a window of no hours": (
        {"window": {"start": "22:00", "end": "22:00"}},
        "spec.window: Invalid value … start and end are the same time; leave window out for the whole day",
    ),
    "an hour that no day has": (
        {"window": {"start": "24:00", "end": "05:00"}}, "spec.window.start in body should match",
    ),
    "a time zone that is none": (
        {"window": {"start": "22:00", "end": "05:00", "timeZone": "Europe/Berln"}},
        "expected a name of the tz database such as Europe/Berlin or UTC",
    ),
    "the server's own time zone": (
        {"window": {"start": "22:00", "end": "05:00", "timeZone": "Local"}},
        "spec.window.timeZone: Invalid value … expected a name of the tz database",
    ),
    "namespaces in the template": (
        {"template": {"includedNamespaces": ["shop"]}},
        "spec.template: Invalid value … includedNamespaces and excludedNamespaces are given to each Backup",
    ),
    "both of Velero's selectors": (
        {"template": {"labelSelector": {"matchLabels": {"a": "b"}}, "orLabelSelectors": []}},
        "spec.template: Invalid value … has both labelSelector and orLabelSelectors, which Velero refuses",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_set_is_refused_and_told_why(namespace: Namespace, spec: dict[str, Any], words: str) -> None:
    told = refusal(namespace, a_set(**spec))
    assert all(part in told for part in words.split(" … ")), told
    # A schedule's template is checked as the set that will be made of it.
    told = refusal(namespace, a_schedule(template={"spec": spec}))
    words = re.sub(r"\bspec\b", "spec.template.spec", words)
    assert all(part in told for part in words.split(" … ")), told


BAD_SCHEDULES: dict[str, tuple[dict[str, Any], str]] = {
    "four fields": ({"schedule": "0 2 * *"}, "expected five fields (minute hour day month weekday)"),
    "seconds": ({"schedule": "0 0 2 * * *"}, "expected five fields"),
    "a time zone in the expression": ({"schedule": "TZ=Europe/Berlin 0 2 * * *"}, "stands in timeZone"),
    "a name that cron lacks": ({"schedule": "@reboot"}, "expected five fields"),
    "a time zone that is none": (
        {"timeZone": "CEST"}, "expected a name of the tz database such as Europe/Berlin or UTC",
    ),
    "a policy that Backups can't follow": (
        {"concurrencyPolicy": "Replace"}, 'supported values: "Allow", "Forbid"',
    ),
    "a history of less than none": (
        {"failedHistoryLimit": -1}, "should be greater than or equal to 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "words"), BAD_SCHEDULES.values(), ids=BAD_SCHEDULES.keys())
def test_a_bad_schedule_is_refused_and_told_why(
    namespace: Namespace, spec: dict[str, Any], words: str
) -> None:
    assert words in refusal(namespace, a_schedule(**spec))


@pytest.mark.parametrize("schedule", ["30 2 * * *", "*/5 0-6,22 1,15 JAN-JUN mon-fri", "@weekly"])
def test_what_cron_writes_is_let_in(namespace: Namespace, schedule: str) -> None:
    made = create(namespace, a_schedule(schedule=schedule, timeZone="Europe/Berlin"))
    assert made["spec"]["schedule"] == schedule


def test_names_are_as_long_as_what_is_made_of_them_allows(namespace: Namespace) -> None:
    create(namespace, a_set() | {"metadata": {"name": "a" * 63}})
    told = refusal(namespace, a_set() | {"metadata": {"name": "a" * 64}})
    assert "metadata.name: expected at most 63 characters: each of its Backups bears it as a label" in told
    create(namespace, a_schedule() | {"metadata": {"name": "a" * 52}})
    told = refusal(namespace, a_schedule() | {"metadata": {"name": "a" * 53}})
    assert "metadata.name: expected at most 52 characters" in told


@pytest.fixture
def planned(namespace: Namespace) -> str:
    """A set that the controller has planned."""
    spec = {
        "selection": {"namespaces": {"include": ["shop-*"]}},
        "template": {"ttl": "720h0m0s", "unknown": {"deep": 1}},
        "together": [["a", "b"]],
        "lanes": [{"namespace": "velero", "slots": 2}],
    }
    made = create(namespace, a_set(**spec))
    name = made["metadata"]["name"]
    plan(namespace, name)
    return str(name)


def plan(namespace: Namespace, name: str) -> None:
    """What the controller does first."""
    status = {"phase": "Running", "plan": {"hash": "0123456789abcdef", "shards": 2}}
    objects(namespace).patch_namespaced_custom_object_status(
        GROUP, VERSION, namespace.name, "backupsets", name, {"status": status}
    )


FROZEN: dict[str, dict[str, Any]] = {
    "selection": {"selection": {"namespaces": {"include": ["bank-*"]}}},
    "template": {"template": {"ttl": "24h0m0s"}},
    "template ": {"template": {"unknown": {"deep": 2}}},
    "template  ": {"template": {"more": "of it"}},
    "together": {"together": [["a", "c"]]},
    "together ": {"together": None},
    "isolate": {"isolate": ["z"]},
    "maxShards": {"maxShards": 3},
    "lanes": {"lanes": [{"namespace": "velero-b"}]},
    "lanes ": {"lanes": [{"namespace": "velero"}, {"namespace": "velero-b"}]},
}


@pytest.mark.parametrize("key", FROZEN)
def test_what_the_plan_was_made_of_stays(namespace: Namespace, planned: str, key: str) -> None:
    with pytest.raises(client.ApiException) as refused:
        change(namespace, planned, FROZEN[key])
    told = f"spec.{key.strip()} can't be changed once the set is planned; make another BackupSet"
    assert told in json.loads(refused.value.body or "")["message"]


def change(namespace: Namespace, name: str, spec: dict[str, Any]) -> None:
    objects(namespace).patch_namespaced_custom_object(
        GROUP, VERSION, namespace.name, "backupsets", name, {"spec": spec}
    )


def test_what_steers_the_run_can_be_changed_at_any_time(namespace: Namespace, planned: str) -> None:
    change(namespace, planned, {"paused": True, "concurrency": {"max": 1}, "retry": {"limit": 5}})
    change(namespace, planned, {"deadline": "1h", "window": {"start": "01:00", "end": "02:00"}})
    change(namespace, planned, {"first": ["a"], "lanes": [{"namespace": "velero", "slots": 1}]})


def test_before_the_plan_all_can_be_changed(namespace: Namespace) -> None:
    name = create(namespace, a_set())["metadata"]["name"]
    for spec in FROZEN.values():
        change(namespace, name, spec)


def test_a_status_of_a_newer_controller_is_let_in(namespace: Namespace, planned: str) -> None:
    status = {"phase": "Dreaming", "ofTheFuture": 1}
    made: Any = objects(namespace).patch_namespaced_custom_object_status(
        GROUP, VERSION, namespace.name, "backupsets", planned, {"status": status}
    )
    assert made["status"]["phase"] == "Dreaming"
