"""Which settings of Velero are advised, and how its objects are changed and put back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.unit.backup.clusters import one_volume_each
from velero_volume_controller.backup.settings import (
    AFTER,
    BEFORE,
    Edit,
    Unrecognised,
    managed_by,
    restore_arguments,
    restore_load,
    set_arguments,
    set_load,
)
from velero_volume_controller.backup.tuning import MOST, Knobs, Tuning, available, search, tune
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.versions import Version

ALL = ("backups", "workers", "load")


def tuned(seconds: dict[str, tuple[str, float]], **lane: Any) -> Tuning:
    given = one_volume_each(seconds, Lane(namespace="velero", **{"version": Version(1, 18, 3), **lane}))
    return tune(given, "velero")


def test_volumes_of_many_nodes_are_faster_with_more_at_a_time() -> None:
    found = tuned({name: (f"n{number}", 60.0) for number, name in enumerate("abcd")})
    assert max(found.best.knobs.backups, found.best.knobs.workers) > 1
    assert found.best.knobs.load == 1, "no node has more than one volume"
    assert found.gain(found.best) > 0.5
    assert found.now.knobs == Knobs(1, 1, 1)


def test_volumes_of_one_node_are_faster_only_if_the_node_takes_more_of_them() -> None:
    found = tuned(dict.fromkeys("abcd", ("n1", 60.0)))
    assert found.best.knobs.load > 1
    assert set(found.alone) >= {"load"}
    assert all(found.gain(found.best) >= found.gain(trial) for trial in found.alone.values())


def test_where_nothing_helps_nothing_is_advised() -> None:
    found = tuned({"a": ("n1", 600.0)})
    assert found.best == found.now
    assert found.alone == {}


def test_what_takes_no_backups_just_now_can_be_tuned() -> None:
    found = tuned(dict.fromkeys("ab", ("n1", 60.0)), problem="it is down")
    assert found.best.knobs.load == 2


def test_several_volumes_at_a_time_are_never_advised_with_restic() -> None:
    """The first to end would take away the password of the others."""
    found = tuned(dict.fromkeys("abcd", ("n1", 60.0)), version=Version(1, 16), uploader="restic")
    assert found.best.knobs.load == 1


@pytest.mark.parametrize(
    ("version", "names"),
    [
        (Version(1, 18), ALL),
        (Version(1, 17), ("workers", "load")),
        (Version(1, 14), ("load",)),
        (Version(1, 12), ()),
    ],
)
def test_only_what_the_version_heeds_is_advised(version: Version, names: tuple[str, ...]) -> None:
    assert available(Lane(namespace="velero", version=version)) == names
    found = tuned(dict.fromkeys("abcd", ("n1", 60.0)), version=version)
    assert set(found.alone) <= set(names)


def test_settings_that_only_count_together_are_found() -> None:
    def predict(knobs: Knobs) -> float:
        return 100 / min(knobs.backups, knobs.load)

    assert search(predict, Knobs(1, 1, 1), ALL) == Knobs(4, 1, 4)


def test_a_setting_that_brings_nothing_stays_and_none_is_lowered_or_raised_too_far() -> None:
    assert search(lambda knobs: 100 / knobs.workers, Knobs(2, 1, 3), ALL) == Knobs(2, MOST.workers, 3)
    assert search(lambda knobs: 100 / knobs.workers, Knobs(1, 64, 1), ALL) == Knobs(1, 64, 1)
    assert search(lambda knobs: 100 - knobs.backups / 10, Knobs(1, 1, 1), ALL) == Knobs(1, 1, 1)


def deployment(*arguments: str, **metadata: Any) -> dict[str, Any]:
    containers = [{"name": "istio"}, {"name": "velero", "args": ["server", *arguments]}]
    return {
        "metadata": {"namespace": "velero", "name": "velero", "uid": "u", **metadata},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


def config_map(text: str, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "velero", "name": "node-agent-config", "uid": "u", **metadata},
        "data": {"any/key~": text},
    }


def patched(found: dict[str, Any], edit: Edit | None) -> dict[str, Any]:
    """As the API server does it: RFC 6902, its tests included."""
    assert edit is not None
    assert edit.patch is not None
    changed = copy.deepcopy(found)
    for operation in edit.patch:
        *path, last = (
            step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]
        )
        place: Any = changed
        for step in path:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if operation["op"] == "test":
            assert place[last] == operation["value"]
        elif operation["op"] == "remove":
            del place[last]
        else:
            place[last] = operation["value"]
    return changed


FLAGS = {"--concurrent-backups": 4, "--item-block-worker-count": 2}
ARGUMENTS: dict[str, tuple[list[str], list[str]]] = {
    "none yet": (["--features="], ["--features=", "--concurrent-backups=4", "--item-block-worker-count=2"]),
    "one with an equals sign": (
        ["--concurrent-backups=2", "--v=1"],
        ["--concurrent-backups=4", "--v=1", "--item-block-worker-count=2"],
    ),
    "one in two parts": (
        ["--item-block-worker-count", "1", "--v=1"],
        ["--item-block-worker-count", "2", "--v=1", "--concurrent-backups=4"],
    ),
    "one whose name goes on": (
        ["--concurrent-backups-x=2"],
        ["--concurrent-backups-x=2", "--concurrent-backups=4", "--item-block-worker-count=2"],
    ),
}


@pytest.mark.parametrize(("before", "after"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_arguments_are_set_in_their_places_and_put_back_exactly(before: list[str], after: list[str]) -> None:
    found = deployment(*before, annotations={"kept": "yes"})
    changed = patched(found, set_arguments(found, FLAGS))
    assert changed["spec"]["template"]["spec"]["containers"][1]["args"] == ["server", *after]
    assert changed["metadata"]["annotations"]["kept"] == "yes"
    assert set_arguments(changed, FLAGS) is None
    assert patched(changed, restore_arguments(changed)) == found


def test_what_is_tuned_twice_goes_back_to_the_first_state() -> None:
    found = deployment("--v=1", annotations={})
    once = patched(found, set_arguments(found, {"--concurrent-backups": 2}))
    twice = patched(once, set_arguments(once, FLAGS))
    assert patched(twice, restore_arguments(twice)) == found
    config = config_map('{"x": 1}', annotations={})
    again = patched(config, set_load(config, "velero", "node-agent-config", 2))
    again = patched(again, set_load(again, "velero", "node-agent-config", 4))
    assert patched(again, restore_load(again)) == config


def test_what_was_never_tuned_is_not_put_back() -> None:
    assert restore_arguments(deployment("--v=1")) is None
    assert restore_load(config_map("{}")) is None


def test_what_somebody_has_changed_since_is_left_to_them() -> None:
    changed = patched(deployment(), set_arguments(deployment(), FLAGS))
    changed["spec"]["template"]["spec"]["containers"][1]["args"].append("--v=9")
    with pytest.raises(
        Unrecognised, match=r"arguments were changed since they were tuned.*they were: server$"
    ):
        restore_arguments(changed)
    # Tuned anew, that is the state to go back to.
    again = patched(changed, set_arguments(changed, {"--concurrent-backups": 8}))
    assert json.loads(again["metadata"]["annotations"][BEFORE])[-1] == "--v=9"
    config = config_map("{}")
    config = patched(config, set_load(config, "velero", "node-agent-config", 2))
    config["data"]["any/key~"] = "{}"
    with pytest.raises(Unrecognised, match=r"was changed since it was tuned.*it held: \{\}"):
        restore_load(config)


def test_the_nodes_settings_change_in_one_number_and_all_else_stays() -> None:
    concurrency = {"globalConfig": 1, "perNodeConfig": [{"number": 3}]}
    found = config_map(json.dumps({"loadConcurrency": concurrency, "podResources": {"cpu": "1"}}))
    changed = patched(found, set_load(found, "velero", "node-agent-config", 4))
    config = json.loads(changed["data"]["any/key~"])
    assert config["loadConcurrency"] == {"globalConfig": 4, "perNodeConfig": [{"number": 3}]}
    assert config["podResources"] == {"cpu": "1"}
    assert set_load(changed, "velero", "node-agent-config", 4) is None
    assert patched(changed, restore_load(changed))["data"] == found["data"]


def test_a_config_map_of_our_own_is_made_and_deleted_again() -> None:
    edit = set_load(None, "velero", "node-agent-config", 4)
    assert edit is not None
    assert edit.patch is None
    assert edit.body is not None
    made = {**edit.body, "metadata": {**edit.body["metadata"], "namespace": "velero", "uid": "u"}}
    assert json.loads(made["data"]["node-agent-config.json"]) == {"loadConcurrency": {"globalConfig": 4}}
    gone = restore_load(made)
    assert gone is not None
    assert (gone.deletes, edit.deletes, gone.uid) == (True, False, "u")
    assert AFTER in made["metadata"]["annotations"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another container": (
        {**deployment(), "spec": {"template": {"spec": {"containers": [{"name": "main"}]}}}},
        "Deployment velero/velero: expected a container velero whose args begin with server",
    ),
    "an operator's": (
        deployment(ownerReferences=[{"kind": "DataProtectionApplication", "name": "dpa"}]),
        "belongs to DataProtectionApplication dpa",
    ),
    "a flag twice": (
        deployment("--concurrent-backups=1", "--concurrent-backups=2"), "has --concurrent-backups 2 times",
    ),
    "a flag without its value": (deployment("--concurrent-backups"), "without a value at its end"),
}  # fmt: skip


@pytest.mark.parametrize(("found", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_deployment_that_is_not_recognised_is_not_touched(found: dict[str, Any], message: str) -> None:
    with pytest.raises(Unrecognised, match=message):
        set_arguments(found, FLAGS)


@pytest.mark.parametrize("text", ["[]", "{", '{"loadConcurrency": 3}'])
def test_a_config_map_that_is_not_recognised_is_not_touched(text: str) -> None:
    with pytest.raises(Unrecognised, match="expected JSON with loadConcurrency under its key"):
        set_load(config_map(text), "velero", "node-agent-config", 2)
    two = {**config_map("{}"), "data": {"a": "{}", "b": "{}"}}
    with pytest.raises(Unrecognised, match="holds 2 keys where the node-agent wants one"):
        set_load(two, "velero", "node-agent-config", 2)


def test_who_else_keeps_the_deployment_is_known() -> None:
    helm = {"app.kubernetes.io/managed-by": "Helm"}
    assert managed_by(deployment()) is None
    assert managed_by(deployment(labels=helm)) == "Helm"
    release = {"meta.helm.sh/release-name": "velero"}
    assert managed_by(deployment(labels=helm, annotations=release)) == "Helm release velero"
    assert managed_by(deployment(annotations={"argocd.argoproj.io/tracking-id": "x"})) == "Argo CD"
    assert managed_by(deployment(labels={"helm.toolkit.fluxcd.io/name": "x"})) == "Flux"
