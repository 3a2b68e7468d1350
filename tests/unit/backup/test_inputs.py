from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.backup.setmaker import make_spec
from tests.unit.podmaker import make_pod
from velero_volume_controller.backup.inputs import Seen, build
from velero_volume_controller.backup.work import PlanningError, Volume
from velero_volume_controller.velero.model.backups import Backup, BackupStatus
from velero_volume_controller.velero.model.claims import Claim, PersistentVolume
from velero_volume_controller.velero.model.lanes import Lane
from velero_volume_controller.velero.model.namespaces import Namespace, decode_namespace
from velero_volume_controller.velero.model.pod_volume_backups import PodVolumeBackup
from velero_volume_controller.velero.model.pods import Pod
from velero_volume_controller.velero.model.surroundings import Surroundings

NAMED = {"backup.velero.io/backup-volumes": "data"}
LANES = (Lane(namespace="velero"),)


def around(*namespaces: str | Namespace, **more: Any) -> Surroundings:
    there = [each if isinstance(each, Namespace) else Namespace(name=each) for each in namespaces]
    return Surroundings({each.name: each for each in there}, more.get("claims", {}), more.get("volumes", {}))


def seen(surroundings: Surroundings, *pods: Pod, lanes: tuple[Lane, ...] = LANES, **more: Any) -> Seen:
    return Seen(pods, surroundings, lanes, **more)


def test_selected_namespaces_come_with_the_volumes_that_velero_takes() -> None:
    claims = {("shop", "claim"): Claim(name="claim", namespace="shop", volume="pv", size=42)}
    pods = [
        make_pod(annotations=NAMED, node="n1"),
        make_pod(namespace="other", annotations=NAMED),
        make_pod(namespace="blog"),
    ]
    found = build(make_spec(), "velero", seen(around("shop", "blog", claims=claims), *pods))
    assert [(each.name, each.pods, each.volumes) for each in found.namespaces] == [
        ("blog", 1, ()),
        ("shop", 1, (Volume("shop", "web-0", "data", "n1", "claim", 42),)),
    ]
    assert found.namespace == "velero"
    assert found.lanes == LANES


def test_a_pod_that_does_not_run_has_no_volume_and_is_not_counted() -> None:
    found = build(make_spec(), "v", seen(around("shop"), make_pod(annotations=NAMED, phase="Succeeded")))
    assert [(each.pods, each.volumes) for each in found.namespaces] == [(0, ())]


@pytest.mark.parametrize(
    ("template", "lane", "taken"),
    [
        ({}, False, 0),
        ({}, True, 1),
        ({"defaultVolumesToFsBackup": True}, False, 1),
        ({"defaultVolumesToFsBackup": False}, True, 0),
        ({"defaultVolumesToRestic": True}, False, 1),
    ],
)
def test_all_volumes_are_taken_where_the_template_or_else_velero_says_so(
    template: dict[str, Any], lane: bool, taken: int
) -> None:
    lanes = (Lane(namespace="velero", fs_backup_default=lane),)
    found = build(make_spec(template=template), "v", seen(around("shop"), make_pod(), lanes=lanes))
    assert [len(each.volumes) for each in found.namespaces] == [taken]


def test_a_namespace_that_goes_is_not_selected() -> None:
    found = build(make_spec(), "v", seen(around("shop", Namespace(name="going", terminating=True))))
    assert [each.name for each in found.namespaces] == ["shop"]


def test_whether_a_namespace_goes_is_read() -> None:
    metadata = {"name": "going", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert decode_namespace(json.dumps({"metadata": metadata}).encode()).terminating
    assert not decode_namespace(b'{"metadata": {"name": "there"}}').terminating


def test_namespaces_that_velero_leaves_out_by_their_label_are_told() -> None:
    left_out = Namespace(name="private", labels={"velero.io/exclude-from-backup": "true"})
    found = build(make_spec(), "v", seen(around("shop", left_out)))
    assert [each.name for each in found.namespaces] == ["shop"]
    assert any("private" in note for note in found.notes)


def test_a_namespace_that_is_named_and_not_there_is_told() -> None:
    spec = make_spec(selection={"namespaces": {"include": ["shop", "biling", "web-*"]}})
    found = build(spec, "v", seen(around("shop")))
    assert found.absent == ("biling",)
    assert any("no namespace biling" in note for note in found.notes)


def test_without_namespaces_nothing_can_be_selected() -> None:
    with pytest.raises(PlanningError, match="grant list and watch on namespaces") as refused:
        build(make_spec(), "v", seen(Surroundings(None, {}, {})))
    assert refused.value.reason == "NamespacesHidden"


def test_without_claims_it_says_that_sizes_are_guessed() -> None:
    found = build(make_spec(), "v", seen(Surroundings({"shop": Namespace(name="shop")}, None, None)))
    assert any("sizes of volumes are guessed" in note for note in found.notes)


def test_what_earlier_backups_teach_is_there() -> None:
    status = BackupStatus(
        phase="Failed",
        start_timestamp="2026-01-01T00:00:00Z",
        completion_timestamp="2026-01-01T00:01:00Z",
    )
    backup = Backup(name="b", namespace="velero-b", included_namespaces=("shop",), status=status)
    volume = PodVolumeBackup(
        name="p",
        namespace="velero-b",
        backup="b",
        pod_namespace="shop",
        claim="claim",
        phase="Completed",
        created="2026-01-01T00:00:05Z",
        started="2026-01-01T00:00:10Z",
        completed="2026-01-01T00:00:40Z",
        bytes_done=7,
        bytes_total=7,
    )
    found = build(make_spec(), "v", seen(around("shop"), backups=[backup], volumes=[volume]))
    assert (found.namespaces[0].failures, found.namespaces[0].lane) == (1, "velero-b")
    assert [sample.seconds for sample in found.history.samples] == [30.0]


def test_storage_that_namespaces_share_is_named() -> None:
    claims = {("shop", "claim"): Claim(name="claim", namespace="shop", volume="pv")}
    volumes = {"pv": PersistentVolume(name="pv", shared="nfs:/srv")}
    around_it = around("shop", claims=claims, volumes=volumes)
    found = build(make_spec(), "v", seen(around_it, make_pod(annotations=NAMED)))
    assert found.namespaces[0].volumes[0].shared == "nfs:/srv"


def test_a_set_that_lies_in_none_of_its_lanes_is_refused() -> None:
    spec = make_spec(lanes=[{"namespace": "velero"}, {"namespace": "velero-b"}])
    assert build(spec, "velero-b", seen(around("shop"))).namespace == "velero-b"
    with pytest.raises(PlanningError, match="does not name shop, where this set is") as refused:
        build(spec, "shop", seen(around("shop")))
    assert refused.value.reason == "LanesElsewhere"
