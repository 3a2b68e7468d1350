"""The spec of a shard's Backup."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.backup.setmaker import make_spec
from velero_volume_controller.api.backupset import Shard
from velero_volume_controller.backup.render import check_template, render
from velero_volume_controller.backup.work import PlanningError

SHOP = Shard("shop", ["shop", "shop-db"])
CLUSTER = Shard("cluster", cluster=True)
OLD = {"includedResources", "excludedResources", "includeClusterResources"}


def test_a_shard_takes_its_namespaces_and_the_volumes_of_their_claims() -> None:
    spec = render({"ttl": "720h", "futureField": {"a": 1}}, SHOP)

    assert spec["includedNamespaces"] == ["shop", "shop-db"]
    assert spec["ttl"] == "720h"
    assert spec["futureField"] == {"a": 1}, "a field of a newer Velero is passed through"
    assert "includedClusterScopedResources" not in spec
    # Not empty, or a shard that holds every namespace would take every cluster-scoped resource.
    assert spec["excludedClusterScopedResources"] == ["volumesnapshotcontents.snapshot.storage.k8s.io"]
    assert "persistentvolumes" not in spec["excludedClusterScopedResources"]


def test_cluster_scoped_resources_are_taken_without_anything_of_a_namespace() -> None:
    spec = render(
        {"hooks": {"resources": []}, "orderedResources": {"pods": "a/b"}, "snapshotVolumes": True}, CLUSTER
    )

    assert spec["includedClusterScopedResources"] == ["*"]
    assert {"persistentvolumes", "namespaces"} <= set(spec["excludedClusterScopedResources"])
    assert spec["excludedNamespaceScopedResources"] == ["*"]
    assert spec["snapshotVolumes"] is False
    assert spec["defaultVolumesToFsBackup"] is False
    assert "hooks" not in spec
    assert "orderedResources" not in spec


@given(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True))
def test_no_namespace_is_in_the_backup_of_the_cluster_scoped_resources(name: str) -> None:
    spec = render({}, CLUSTER)

    assert spec["includedNamespaces"] == ["*"], "a name that does not exist would cost an error"
    assert any(fnmatchcase(name, pattern) for pattern in spec["excludedNamespaces"])
    assert "*" not in spec["excludedNamespaces"], "Velero refuses that"


@pytest.mark.parametrize("shard", [SHOP, CLUSTER], ids=["namespaces", "cluster"])
def test_excluded_resources_of_the_old_style_become_the_new_ones(shard: Shard) -> None:
    template = {"excludedResources": ["secrets", "nodes"], "includeClusterResources": True}
    spec = render(template, shard)

    assert not OLD & set(spec), "Velero refuses a mixture"
    assert {"secrets", "nodes"} <= set(spec["excludedClusterScopedResources"])
    assert spec["excludedNamespaceScopedResources"] == (["*"] if shard.cluster else ["secrets", "nodes"])


def test_what_is_null_is_not_there() -> None:
    check_template(
        make_spec(template={"labelSelector": None, "orLabelSelectors": [{}], "includedNamespaces": None})
    )

    assert "labelSelector" not in render({"labelSelector": None}, SHOP)


def test_the_template_is_left_as_it_is() -> None:
    template: dict[str, Any] = {"excludedResources": ["nodes"], "excludedClusterScopedResources": ["crds"]}
    render(template, SHOP)
    render(template, CLUSTER)

    assert template == {"excludedResources": ["nodes"], "excludedClusterScopedResources": ["crds"]}


def test_a_shard_without_namespaces_is_never_rendered() -> None:
    with pytest.raises(AssertionError, match="all namespaces"):
        render({}, Shard("lost"))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "namespaces are the plan's": (
        {"includedNamespaces": ["a"]},
        r"template\.includedNamespaces .* selection\.",
    ),
    "excluded ones too": ({"excludedNamespaces": ["a"]}, r"template\.excludedNamespaces .*\.exclude"),
    "so are cluster-scoped resources": (
        {"includedClusterScopedResources": ["*"]},
        r"includedClusterScopedResources .*selection\.clusterResources",
    ),
    "an old list of resources can't be split": (
        {"includedResources": ["pods"]},
        "includedResources .*includedNamespaceScopedResources",
    ),
    "false would lose PersistentVolumes": (
        {"includeClusterResources": False},
        r"includeClusterResources is false, .*clusterResources: false",
    ),
    "both selectors": (
        {"labelSelector": {}, "orLabelSelectors": []},
        "labelSelector and template.orLabelSelectors: Velero takes one",
    ),
    "a ttl that is no duration": (
        {"ttl": "30d"},
        "ttl expected a duration such as 90s or 1h30m, found '30d'",
    ),
    "a ttl that is a number": ({"ttl": 3600}, "ttl expected a duration .*, found 3600"),
    "a ttl that Go can't read": ({"ttl": "9999999h"}, "ttl expected a duration .*, found '9999999h'"),
    "a ttl beyond all numbers": ({"ttl": "9" * 400 + "h"}, "ttl expected a duration"),
    "a hook's time-out that is none": (
        {"hooks": {"resources": [{"name": "x", "pre": [{"exec": {"timeout": "5 minutes"}}]}]}},
        "hooks, at a timeout, expected a duration .*, found '5 minutes'",
    ),
    "hooks that are a list": ({"hooks": []}, r"hooks expected a mapping, found \[\]"),
    "a truth in quotes": (
        {"snapshotVolumes": "true"},
        "snapshotVolumes expected true or false, found 'true'",
    ),
    "a list of other things": (
        {"volumeSnapshotLocations": [1]},
        "volumeSnapshotLocations expected a list of texts",
    ),
    "a location that is a truth": ({"storageLocation": True}, "storageLocation expected a text, found True"),
    "all resources excluded": ({"excludedResources": ["*"]}, "excludedResources expected names"),
    "all cluster-scoped ones excluded": (
        {"excludedClusterScopedResources": ["*"]},
        "excludedClusterScopedResources .*PersistentVolumes",
    ),
    "a star beside names": (
        {"excludedNamespaceScopedResources": ["*", "pods"]},
        r"excludedNamespaceScopedResources holds '\*'",
    ),
    "an included star beside names": (
        {"includedNamespaceScopedResources": ["*", "pods"]},
        r"includedNamespaceScopedResources holds '\*'",
    ),
    "one name in both lists": (
        {"includedNamespaceScopedResources": ["pods"], "excludedNamespaceScopedResources": ["pods"]},
        "both name pods",
    ),
}


@pytest.mark.parametrize(("template", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_template_that_no_backup_could_be_made_with_is_refused(
    template: dict[str, Any], message: str
) -> None:
    with pytest.raises(PlanningError, match=message) as caught:
        check_template(make_spec(template=template))

    assert caught.value.reason == "InvalidTemplate"


def test_true_is_a_contradiction_only_where_the_selection_says_false() -> None:
    check_template(make_spec(template={"includeClusterResources": True}))

    with pytest.raises(PlanningError, match=r"selection\.clusterResources false"):
        check_template(
            make_spec(template={"includeClusterResources": True}, selection={"clusterResources": False})
        )
