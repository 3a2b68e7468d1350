"""CleanRestores on a real API server: what it lets in, and its words for what it refuses."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from kubernetes import client

from tests.integration.cluster import Namespace
from tests.integration.sets import GROUP, VERSION, install_crds, make
from velero_volume_controller.velero.model.restores import NOT_PASSED_ON

PLURAL = "cleanrestores"
HASH = f"sha256:{'a' * 64}"
_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def installed(api: client.ApiClient) -> None:
    install_crds(api)


def a_run(**spec: Any) -> dict[str, Any]:
    return make("CleanRestore", f"run-{next(_numbers)}", {"source": {"backup": "b1"}, **spec})


def objects(namespace: Namespace) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(namespace.api)


def create(namespace: Namespace, body: dict[str, Any]) -> Any:
    return objects(namespace).create_namespaced_custom_object(GROUP, VERSION, namespace.name, PLURAL, body)


def refusal(namespace: Namespace, body: dict[str, Any]) -> str:
    with pytest.raises(client.ApiException) as refused:
        create(namespace, body)
    assert refused.value.status == 422, refused.value.body
    return str(json.loads(refused.value.body or "")["message"])


def change(namespace: Namespace, name: str, spec: dict[str, Any]) -> None:
    objects(namespace).patch_namespaced_custom_object(
        GROUP, VERSION, namespace.name, PLURAL, name, {"spec": spec}
    )


def test_what_is_left_out_is_shown_as_what_is_in_effect(namespace: Namespace) -> None:
    made = create(namespace, a_run())["spec"]
    assert made["scope"] == "resources"
    assert made["extras"] == "keep"
    assert made["undo"] == "required"
    assert made["approval"] == "manual"
    assert made["timeouts"] == {"clear": "15m", "restore": "4h"}
    assert made["verify"] == {"podsReady": "10m"}
    assert made["cancel"] is False


EVERYTHING: dict[str, Any] = {
    "source": {"backups": ["b1", "b2"]},
    "namespaces": {"include": ["shop-*"], "exclude": ["shop-tmp"]},
    "namespaceMapping": {"shop-a": "shop-b"},
    "scope": "namespace",
    "extras": "delete",
    "allowKinds": ["Certificate.cert-manager.io"],
    "protect": {
        "namespaces": ["bank-*"],
        "selector": {
            "matchLabels": {"keep": "true"},
            "matchExpressions": [{"key": "a", "operator": "Exists"}],
        },
    },
    "undo": "bestEffort",
    "approval": "automatic",
    "planHash": HASH,
    "allowPartial": True,
    "undoOf": "sunday",
    "restoreTemplate": {"preserveNodePorts": True, "hooks": {"resources": []}, "ofANewerVelero": {"x": [1]}},
    "timeouts": {"clear": "5m", "restore": "1h30m"},
    "verify": {"podsReady": "90s"},
    "cancel": False,
}


def test_a_run_that_says_everything(namespace: Namespace) -> None:
    assert create(namespace, a_run(**EVERYTHING))["spec"] == EVERYTHING


def test_the_largest_run_costs_the_api_server_no_more_than_it_gives(namespace: Namespace) -> None:
    names = [f"{'n' * 50}-{number}" for number in range(1024)]
    spec = {
        "source": {"backups": names},
        "namespaces": {"include": names, "exclude": names},
        "namespaceMapping": {name: name for name in names},
        "protect": {"namespaces": names},
        "allowKinds": [f"K{number}.example.com" for number in range(256)],
    }
    made = create(namespace, a_run(**spec))
    change(namespace, made["metadata"]["name"], {"planHash": HASH})


ONE_SOURCE = "expected exactly one of backupSet, backup and backups"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no source": ({"source": {}}, f"spec.source: {ONE_SOURCE}"),
    "two sources": ({"source": {"backup": "b1", "backupSet": "s1"}}, ONE_SOURCE),
    "no Backups": ({"source": {"backups": []}}, ONE_SOURCE),
    "a scope that is none": ({"scope": "cluster"}, 'supported values: "namespace", "resources", "volumes"'),
    "extras that are none": ({"extras": "ask"}, 'supported values: "delete", "keep"'),
    "a kind without a group": ({"allowKinds": ["Certificate"]}, "spec.allowKinds[0] in body should match"),
    "a hash that is none": ({"planHash": "yes"}, "spec.planHash in body should match"),
    "a duration that is none": ({"timeouts": {"clear": "soon"}}, "spec.timeouts.clear in body should match"),
    "a duration of nothing": ({"timeouts": {"clear": "0s"}}, "expected a duration longer than none"),
    "a namespace that can't be": ({"namespaceMapping": {"shop": "Shop"}}, "in body should match"),
    "no namespaces": ({"namespaces": {"include": []}}, "should have at least 1 items"),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_run_is_refused_and_told_why(namespace: Namespace, spec: dict[str, Any], words: str) -> None:
    assert words in refusal(namespace, a_run(**spec))


#: A value of the type that each of Velero's fields has.
VALUES: dict[str, Any] = {
    "backupName": "b1",
    "scheduleName": "daily",
    "includedNamespaces": ["shop"],
    "excludedNamespaces": ["shop"],
    "namespaceMapping": {"a": "b"},
    "includedResources": ["pods"],
    "excludedResources": ["pods"],
    "labelSelector": {"matchLabels": {"a": "b"}},
    "orLabelSelectors": [{"matchLabels": {"a": "b"}}],
    "includeClusterResources": True,
    "resourcePolicy": {"kind": "ConfigMap", "name": "a"},
    "restorePVs": False,
    "existingResourcePolicy": "update",
}


@pytest.mark.parametrize("key", NOT_PASSED_ON)
def test_what_is_the_plans_to_say_is_refused_in_the_template(namespace: Namespace, key: str) -> None:
    told = refusal(namespace, a_run(restoreTemplate={key: VALUES[key]}))
    assert f"{key} is not the template's to say" in told
    instead = NOT_PASSED_ON[key]
    assert instead[1:-1] in told


def test_names_are_as_long_as_a_label_allows(namespace: Namespace) -> None:
    create(namespace, a_run() | {"metadata": {"name": "a" * 63}})
    told = refusal(namespace, a_run() | {"metadata": {"name": "a" * 64}})
    assert "metadata.name: expected at most 63 characters" in told


FROZEN: dict[str, dict[str, Any]] = {
    "source": {"source": {"backups": ["b1"]}},
    "namespaces": {"namespaces": {"include": ["bank-*"]}},
    "namespaces ": {"namespaces": None},
    "namespaceMapping": {"namespaceMapping": {"shop-a": "shop-c"}},
    "scope": {"scope": "volumes"},
    "extras": {"extras": "keep"},
    "allowKinds": {"allowKinds": ["Issuer.cert-manager.io"]},
    "protect": {"protect": {"namespaces": []}},
    "protect ": {"protect": None},
    "restoreTemplate": {"restoreTemplate": {"preserveNodePorts": False}},
    "restoreTemplate ": {"restoreTemplate": {"ofANewerVelero": {"x": [2]}}},
    "restoreTemplate  ": {"restoreTemplate": None},
    "undo": {"undo": "none"},
    "undoOf": {"undoOf": "monday"},
    "undoOf ": {"undoOf": None},
    "allowPartial": {"allowPartial": False},
}


@pytest.mark.parametrize("key", FROZEN)
def test_what_a_run_is_about_can_never_be_changed(namespace: Namespace, key: str) -> None:
    name = create(namespace, a_run(**EVERYTHING))["metadata"]["name"]
    with pytest.raises(client.ApiException) as refused:
        change(namespace, name, FROZEN[key])
    told = f"spec.{key.strip()} can't be changed; make another CleanRestore"
    assert told in json.loads(refused.value.body or "")["message"]


def test_what_was_left_out_can_not_be_added(namespace: Namespace) -> None:
    name = create(namespace, a_run())["metadata"]["name"]
    for key in ("undoOf", "allowKinds", "namespaceMapping", "restoreTemplate", "protect"):
        with pytest.raises(client.ApiException):
            change(namespace, name, {key: EVERYTHING[key]})


def test_what_steers_the_run_can_be_changed_at_any_time(namespace: Namespace) -> None:
    name = create(namespace, a_run(**EVERYTHING))["metadata"]["name"]
    change(namespace, name, {"planHash": f"sha256:{'b' * 64}", "approval": "manual"})
    change(namespace, name, {"planHash": None, "timeouts": {"clear": "1h"}, "verify": {"podsReady": "1m"}})
    change(namespace, name, {"cancel": True})


@pytest.mark.parametrize("back", [False, None], ids=["set to false", "removed"])
def test_a_run_that_is_cancelled_stays_so(namespace: Namespace, back: bool | None) -> None:
    name = create(namespace, a_run(cancel=True))["metadata"]["name"]
    with pytest.raises(client.ApiException) as refused:
        change(namespace, name, {"cancel": back})
    assert "spec.cancel can't be taken back" in json.loads(refused.value.body or "")["message"]


def test_a_status_of_a_newer_controller_is_let_in(namespace: Namespace) -> None:
    name = create(namespace, a_run())["metadata"]["name"]
    made: Any = objects(namespace).patch_namespaced_custom_object_status(
        GROUP, VERSION, namespace.name, PLURAL, name, {"status": {"phase": "Dreaming"}}
    )
    assert made["status"]["phase"] == "Dreaming"
