"""The spec of each of a set's Backups: the template's fields, and what the plan adds. Pure.

Which namespaces and which cluster-scoped resources a Backup takes is the plan's to say.
Velero 1.14 to 1.18 read the fields as pkg/backup and pkg/util/collections have it:

- Filters of the old style (includedResources, excludedResources, includeClusterResources) and of the new
  one can't be mixed: FailedValidation. We use the new ones.
- A Backup without filters for cluster-scoped resources takes those that its items name (the volumes of its
  claims, the CRDs of its custom resources), so a Restore of one shard has its PersistentVolumes. But if its
  namespaces are all that the cluster has, it takes every cluster-scoped resource
  (ScopeIncludesExcludes.ShouldInclude); a list of excluded ones that is not empty prevents that.
- A namespace in includedNamespaces that does not exist is an error in the log, which makes the Backup
  PartiallyFailed. An empty list means all, and so overlaps every other Backup in 1.18's queue. So the
  Backup of the cluster-scoped resources includes all namespaces and excludes every name that there can be.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Container, Iterator, Mapping
from typing import Any, Final

from velero_volume_controller.api.backupset import BackupSetSpec, Shard
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.backup.work import PlanningError

#: No namespace's name escapes these: it begins with a digit or a small letter (RFC 1123). ``*`` is not
#: allowed among the excluded, ``?*`` and ``[a-z]*`` not before 1.18 (validateNamespaceName).
EVERY_NAMESPACE: Final = tuple(f"{first}*" for first in string.digits + string.ascii_lowercase)

#: Velero excludes these by itself (backup_controller.go, autoExcludeClusterScopedResources).
_SNAPSHOT_CONTENTS: Final = "volumesnapshotcontents.snapshot.storage.k8s.io"
#: These come with the namespaces that they belong to: volumes with their claims.
_WITH_NAMESPACES: Final = ("namespaces", "persistentvolumes")

#: Fields that are not the template's, and what to write instead.
_OWN: Final = {
    "includedNamespaces": "write selection.namespaces.include",
    "excludedNamespaces": "write selection.namespaces.exclude",
    "includedClusterScopedResources": "cluster-scoped resources get a Backup of their own, "
    "with all of them, where selection.clusterResources is true",
    "includedResources": "write includedNamespaceScopedResources, Velero's newer filter; the older ones "
    "can't be used together with the filters that split the set",
}

_TEXT: Final = "a text"
_TRUTH: Final = "true or false"
_LIST: Final = "a list"
_MAP: Final = "a mapping"
_NUMBER: Final = "a whole number"
_DURATION: Final = "a duration such as 90s or 1h30m"
_TYPES: Final = {_TEXT: str, _TRUTH: bool, _LIST: list, _MAP: dict, _NUMBER: int, _DURATION: str}

#: The fields of Velero's BackupSpec (backup_types.go, 1.18.3). Others are passed through as they are.
TEMPLATE_FIELDS: Final = {
    "csiSnapshotTimeout": _DURATION,
    "datamover": _TEXT,
    "defaultVolumesToFsBackup": _TRUTH,
    "defaultVolumesToRestic": _TRUTH,
    "excludedClusterScopedResources": _LIST,
    "excludedNamespaceScopedResources": _LIST,
    "excludedResources": _LIST,
    "hooks": _MAP,
    "includeClusterResources": _TRUTH,
    "includedNamespaceScopedResources": _LIST,
    "itemOperationTimeout": _DURATION,
    "labelSelector": _MAP,
    "metadata": _MAP,
    "orLabelSelectors": _LIST,
    "orderedResources": _MAP,
    "resourcePolicy": _MAP,
    "snapshotMoveData": _TRUTH,
    "snapshotVolumes": _TRUTH,
    "storageLocation": _TEXT,
    "ttl": _DURATION,
    "uploaderConfig": _MAP,
    "volumeGroupSnapshotLabelKey": _TEXT,
    "volumeSnapshotLocations": _LIST,
}


def check_template(spec: BackupSetSpec) -> None:
    """Raises PlanningError (reason InvalidTemplate) for what no Backup of the set could be made with."""
    template = {key: value for key, value in spec.template.items() if value is not None}
    for key, value in template.items():
        if key in _OWN:
            raise _invalid(key, f"is the plan's to say; {_OWN[key]}")
        if key in TEMPLATE_FIELDS:
            _check_type(key, value, TEMPLATE_FIELDS[key])
    if "labelSelector" in template and "orLabelSelectors" in template:
        raise _invalid("labelSelector", "and template.orLabelSelectors: Velero takes one of them only")
    for timeout in _timeouts(template.get("hooks", {})):
        _check_type("hooks, at a timeout,", timeout, _DURATION)
    _check_cluster(spec, template)
    _check_scoped(template, "excludedNamespaceScopedResources", "includedNamespaceScopedResources")
    if "*" in template.get("excludedResources", ()):
        raise _invalid("excludedResources", "expected names of resources, found '*', which leaves nothing")


def unknown_fields(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key of the template, what there is to say of it): a newer Velero may know it, an older drops it."""
    for key in template:
        if key not in TEMPLATE_FIELDS:
            near = difflib.get_close_matches(key, TEMPLATE_FIELDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            yield (
                key,
                f"is no field of a Backup's spec in Velero 1.18, and an API server that does not know it "
                f"drops it without a word.{hint}",
            )


def render(template: Mapping[str, Any], shard: Shard, left_out: Container[str] = ()) -> dict[str, Any]:
    """The spec of a Backup of this shard, without these namespaces.

    ``template`` has passed ``check_template``.
    """
    fields = {key: value for key, value in template.items() if value is not None}
    fields.pop("includeClusterResources", None)
    # Each of Velero's two lists takes from a name what is of its scope, and drops the rest
    # (collections.scopeResourceMapFunc), so both can get the old list.
    excluded = fields.pop("excludedResources", [])
    cluster = _joined(fields.pop("excludedClusterScopedResources", []), excluded)
    if shard.cluster:
        return _cluster(fields, cluster)
    names = [name for name in shard.namespaces if name not in left_out]
    assert names, "an empty list would mean all namespaces"
    fields["includedNamespaces"] = names
    fields["excludedClusterScopedResources"] = _joined(cluster, [_SNAPSHOT_CONTENTS])
    if excluded:
        mine = fields.get("excludedNamespaceScopedResources", [])
        fields["excludedNamespaceScopedResources"] = mine if "*" in mine else _joined(mine, excluded)
    return fields


def _cluster(fields: dict[str, Any], excluded: list[str]) -> dict[str, Any]:
    """All cluster-scoped resources but those that come with namespaces. Hooks and orders are for pods."""
    for key in ("hooks", "orderedResources", "includedNamespaceScopedResources"):
        fields.pop(key, None)
    return fields | {
        "includedNamespaces": ["*"],
        "excludedNamespaces": list(EVERY_NAMESPACE),
        "includedClusterScopedResources": ["*"],
        "excludedClusterScopedResources": _joined(excluded, [*_WITH_NAMESPACES, _SNAPSHOT_CONTENTS]),
        "excludedNamespaceScopedResources": ["*"],
        "snapshotVolumes": False,
        "defaultVolumesToFsBackup": False,
    }


def _check_cluster(spec: BackupSetSpec, template: Mapping[str, Any]) -> None:
    """includeClusterResources is ours to say, but one that says the same is no contradiction."""
    said = template.get("includeClusterResources")
    if said is None or (said is True and spec.selection.cluster_resources):
        pass
    elif said is True:
        raise _invalid("includeClusterResources", "is true, but selection.clusterResources false; write one")
    else:
        raise _invalid(
            "includeClusterResources",
            "is false, which would leave the PersistentVolumes of the namespaces out too; "
            "write selection.clusterResources: false",
        )
    if "*" in template.get("excludedClusterScopedResources", ()):
        raise _invalid(
            "excludedClusterScopedResources",
            "expected names of resources, found '*', which would leave the PersistentVolumes of the "
            "namespaces out too; write selection.clusterResources: false",
        )


def _check_scoped(template: Mapping[str, Any], excluded: str, included: str) -> None:
    """As Velero's ValidateScopedIncludesExcludes."""
    out, into = template.get(excluded, []), template.get(included, [])
    if "*" in out and (into or len(out) > 1):
        raise _invalid(excluded, f"holds '*': then it takes no other name, and {included} must be empty")
    if "*" in into and len(into) > 1:
        raise _invalid(included, "holds '*' and names too; write '*' or the names")
    if both := sorted(set(out) & set(into)):
        raise _invalid(excluded, f"and template.{included} both name {both[0]}; write it in one of them")


def _check_type(key: str, value: object, expected: str) -> None:
    kind = _TYPES[expected]
    fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if fits and kind is list and key != "orLabelSelectors":
        fits = all(isinstance(each, str) for each in _items(value))
        expected = "a list of texts"
    if fits and expected == _DURATION:
        try:
            parse_duration(str(value))
        except ValueError:
            fits = False
    if not fits:
        raise _invalid(key, f"expected {expected}, found {value!r}")


def _timeouts(value: object) -> Iterator[object]:
    """Of every command of the hooks. Velero's CRD takes any text for one, and Velero then can't read it."""
    if isinstance(value, list):
        for each in value:
            yield from _timeouts(each)
    elif isinstance(value, dict):
        for key, below in value.items():
            if key == "exec" and isinstance(below, dict) and below.get("timeout") is not None:
                yield below["timeout"]
            yield from _timeouts(below)


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _joined(first: list[str], second: list[str]) -> list[str]:
    """Each name once, in the order in which they come."""
    return list(dict.fromkeys([*first, *second]))


def _invalid(key: str, what: str) -> PlanningError:
    return PlanningError("InvalidTemplate", f"spec.template.{key} {what}")
