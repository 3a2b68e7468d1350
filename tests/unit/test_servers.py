"""What is read of Velero's Deployment, node-agents and storage locations."""

from typing import Any

import msgspec
import pytest

from tests.unit.podmaker import make_pod
from velero_volume_controller.velero.model.arguments import flags, seconds
from velero_volume_controller.velero.model.installations import Installations, for_location, lanes
from velero_volume_controller.velero.model.lanes import UNBOUNDED, Lane, StorageLocation
from velero_volume_controller.velero.model.load_concurrency import AgentConfig, decode_agent_config
from velero_volume_controller.velero.model.servers import (
    Agent,
    Server,
    decode_agent,
    decode_location,
    decode_node,
    decode_server,
)
from velero_volume_controller.velero.model.versions import NEWEST, Version


def deployment(*args: str, image: str = "velero/velero:v1.18.3", ready: int | None = 1) -> bytes:
    return msgspec.json.encode(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "velero", "namespace": "velero"},
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {"name": "sidecar", "image": "x"},
                            {
                                "name": "velero",
                                "image": image,
                                "command": ["/velero"],
                                "args": ["server", *args],
                            },
                        ]
                    }
                }
            },
            "status": {} if ready is None else {"readyReplicas": ready},
        }
    )


def lane_of(*args: str, image: str = "velero/velero:v1.18.3", ready: int | None = 1, **more: Any) -> Lane:
    server = decode_server(deployment(*args, image=image, ready=ready))
    assert server is not None
    (found,) = lanes(Installations(servers=(server,), **more))
    return found


def test_flags_are_read_as_velero_reads_them() -> None:
    lane = lane_of("--concurrent-backups=4", "--item-block-worker-count", "3", "--fs-backup-timeout=1h30m")
    assert (lane.slots, lane.item_workers, lane.fs_backup_timeout) == (4, 3, 5400.0)
    assert lane.problem is None
    assert lane.notes == ()


def test_of_a_flag_given_twice_the_last_counts_and_a_switch_takes_no_value() -> None:
    assert flags(["server", "--a=1", "--a=2", "--restore-only", "--b", "x", "--", "--c=1"]) == {
        "a": "2",
        "restore-only": "true",
        "b": "x",
    }


def test_defaults_are_one_of_everything() -> None:
    lane = lane_of()
    assert (lane.slots, lane.item_workers, lane.capacity("n"), lane.uploader) == (1, 1, 1, "kopia")
    assert lane.version == Version(1, 18, 3)
    assert not lane.fs_backup_default
    assert lane.nodes is None


@pytest.mark.parametrize(
    ("version", "slots", "workers"),
    [
        ("v1.18.0", 4, 3),
        ("v1.17.2", 1, 3),
        ("v1.16.2", 1, 3),
        ("v1.15.2", 1, UNBOUNDED),
        ("v1.14.1", 1, UNBOUNDED),
        ("v1.13.2", 1, 1),
    ],
)
def test_what_a_version_does_not_know_does_nothing(version: str, slots: int, workers: int) -> None:
    lane = lane_of("--concurrent-backups=4", "--item-block-worker-count=3", image=f"velero/velero:{version}")
    assert (lane.slots, lane.item_workers) == (slots, workers)
    assert any("--concurrent-backups" in note for note in lane.notes) == (slots == 1)


def test_an_image_without_a_version_is_taken_for_the_newest_and_said() -> None:
    lane = lane_of(image="registry:5000/velero@sha256:abc")
    assert lane.version == NEWEST
    assert "version of Velero in velero can't be told" in lane.notes[0]


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--concurrent-backups=many", "--concurrent-backups: expected a whole number, found 'many'"),
        ("--fs-backup-timeout=4", "--fs-backup-timeout: expected a duration such as 4h or 90m, found '4'"),
        ("--default-volumes-to-fs-backup=yes", "expected true or false, found 'yes'"),
    ],
)
def test_a_bad_value_is_a_note(argument: str, said: str) -> None:
    lane = lane_of(argument)
    assert said in lane.notes[0]
    assert lane.slots == 1


@pytest.mark.parametrize(
    ("args", "ready", "said"),
    [
        ((), None, "no Pod that is ready"),
        ((), 0, "no Pod that is ready"),
        (("--restore-only",), 1, "--restore-only"),
        (("--item-block-worker-count=0",), 1, "no Backup ever ends"),
    ],
)
def test_a_server_that_takes_no_backups_has_a_problem(
    args: tuple[str, ...], ready: int | None, said: str
) -> None:
    assert said in (lane_of(*args, ready=ready).problem or "")


def test_other_deployments_are_not_veleros() -> None:
    raw = deployment().replace(b'"velero","image":"velero/velero', b'"app","image":"velero/velero')
    assert decode_server(raw) is None


def test_zero_and_negative_backups_at_once_are_one() -> None:
    assert lane_of("--concurrent-backups=0").slots == 1
    assert lane_of("--concurrent-backups=-3").slots == 1


def config_map(text: str, **more: str) -> bytes:
    data = {"config.json": text, **more}
    return msgspec.json.encode({"metadata": {"name": "agents", "namespace": "velero"}, "data": data})


def agents_lane(raw: bytes, nodes: dict[str, dict[str, str]] | None) -> Lane:
    return lane_of(
        agents=(Agent("velero", "node-agent", "agents"),),
        configs={("velero", "agents"): decode_agent_config(raw)},
        nodes=nodes,
    )


def test_load_concurrency_by_node_takes_the_smallest_rule_that_selects_it() -> None:
    raw = config_map(
        """{"loadConcurrency": {"globalConfig": 2, "perNodeConfig": [
            {"nodeSelector": {"matchLabels": {"disk": "fast"}}, "number": 8},
            {"nodeSelector": {"matchExpressions": [{"key": "old", "operator": "Exists"}]}, "number": 3},
            {"nodeSelector": {"matchLabels": {"disk": "fast"}}, "number": 0},
            {"nodeSelector": {"matchExpressions": [{"key": "old", "operator": "Near"}]}, "number": 1}]}}"""
    )
    lane = agents_lane(raw, {"a": {"disk": "fast"}, "b": {"disk": "fast", "old": ""}, "c": {}})
    assert [lane.capacity(node) for node in "abcd"] == [8, 3, 2, 2]


def test_rules_by_node_without_nodes_are_a_note() -> None:
    raw = config_map('{"loadConcurrency": {"globalConfig": 2, "perNodeConfig": [{"number": 5}]}}')
    lane = agents_lane(raw, None)
    assert lane.capacity("a") == 2
    assert "Nodes could not be read" in lane.notes[0]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (config_map("{"), "can't be read by the node-agent"),
        (config_map("{}", other="{}"), "holds 2 keys"),
        (config_map('{"loadConcurrency": {"globalConfig": "two"}}'), "can't be read by the node-agent"),
    ],
)
def test_a_bad_config_map_is_a_note(raw: bytes, said: str) -> None:
    lane = agents_lane(raw, {})
    assert lane.capacity("a") == 1
    assert said in lane.notes[0]


@pytest.mark.parametrize(
    ("uploader", "load", "noted"), [("restic", 2, True), ("restic", 1, False), ("kopia", 2, False)]
)
def test_several_volumes_at_a_time_with_restic_are_a_note(uploader: str, load: int, noted: bool) -> None:
    lane = lane_of(
        f"--uploader-type={uploader}",
        image="velero/velero:v1.16.2",
        agents=(Agent("velero", "node-agent", "agents"),),
        configs={("velero", "agents"): AgentConfig("velero", "agents", load)},
    )
    assert any("takes away the password of both" in note for note in lane.notes) is noted


def test_a_config_map_that_is_named_and_missing_is_a_note() -> None:
    lane = lane_of(agents=(Agent("velero", "node-agent", "gone"),), configs={})
    assert "ConfigMap velero/gone, which the node-agent names, is not there" in lane.notes[0]


def test_before_1_15_the_config_map_has_a_fixed_name() -> None:
    config = AgentConfig("velero", "node-agent-config", 5)
    lane = lane_of(
        image="velero/velero:v1.14.1",
        agents=(Agent("velero", "node-agent", ""),),
        configs={("velero", "node-agent-config"): config},
    )
    assert lane.capacity("a") == 5


def test_the_agents_config_map_is_read_from_its_flag() -> None:
    raw = deployment("--node-agent-configmap=agents").replace(
        b'"name":"velero","namespace"', b'"name":"node-agent","namespace"'
    )
    assert decode_agent(raw) == Agent("velero", "node-agent", "agents")
    assert decode_agent(deployment()) is None


def test_a_node_has_an_agent_where_one_runs() -> None:
    def agent(name: str, node: str, phase: str = "Running", namespace: str = "velero") -> Any:
        made = make_pod(namespace=namespace, node=node, phase=phase)
        metadata = msgspec.structs.replace(made.metadata, name=name, labels={"name": "node-agent"})
        return msgspec.structs.replace(made, metadata=metadata)

    pods = (
        agent("a", "one"),
        agent("b", "two", phase="Pending"),
        agent("c", "three", namespace="other"),
        make_pod(namespace="velero", node="four"),
    )
    assert lane_of(agent_pods=pods).nodes == frozenset({"one"})


def location(**changes: Any) -> bytes:
    document: dict[str, Any] = {
        "metadata": {"name": "default", "namespace": "velero"},
        "spec": {
            "provider": "aws",
            "objectStorage": {"bucket": "b", "prefix": "/p/"},
            "config": {"s3Url": "http://s3"},
            "default": True,
        },
        "status": {"phase": "Available"},
    }
    for key, value in changes.items():
        document[key].update(value)
    return msgspec.json.encode(document)


def test_a_location_is_read() -> None:
    assert decode_location(location()) == (
        "velero",
        StorageLocation(
            name="default", provider="aws", bucket="b", prefix="p", endpoint="http://s3", default=True
        ),
    )


@pytest.mark.parametrize(
    ("changes", "wanted", "said"),
    [
        ({}, None, None),
        ({}, "default", None),
        ({"status": {"phase": "Unavailable", "message": "no route"}}, None, "is unavailable: no route"),
        ({"status": {"phase": ""}}, None, "is unavailable"),
        ({"spec": {"accessMode": "ReadOnly"}}, None, "is read-only"),
        ({}, "other", "no BackupStorageLocation other (there are: default)"),
    ],
)
def test_a_lane_whose_location_takes_nothing_has_a_problem(
    changes: dict[str, Any], wanted: str | None, said: str | None
) -> None:
    namespace, found = decode_location(location(**changes))
    lane = lane_of(locations={namespace: (found,)})
    problem = for_location(lane, wanted).problem
    assert (problem is None) if said is None else said in (problem or "")


def test_the_location_of_backups_that_name_none() -> None:
    first, second = StorageLocation(name="a"), StorageLocation(name="b")
    lane = lane_of("--default-backup-storage-location=b", locations={"velero": (first, second)})
    assert lane.location(None) == second
    marked = msgspec.structs.replace(first, default=True)
    assert msgspec.structs.replace(lane, locations=(marked, second)).location(None) == marked


def test_nodes_are_read() -> None:
    assert decode_node(b'{"metadata": {"name": "n", "labels": {"a": "b"}}}') == ("n", {"a": "b"})
    assert decode_node(b'{"metadata": {"name": "n", "labels": null}}') == ("n", {})


def test_of_two_servers_in_one_namespace_there_is_one_lane() -> None:
    servers = tuple(Server("velero", name, Version(1, 18, 3), {}, 1) for name in ("b", "a"))
    assert [lane.namespace for lane in lanes(Installations(servers=servers))] == ["velero"]


def test_durations_are_gos() -> None:
    assert seconds({"x": "1h0m1.5s"}, "x", 0) == 3601.5
    assert seconds({"x": "0"}, "x", 5) == 0
