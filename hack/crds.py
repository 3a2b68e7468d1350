"""Make config/crd/ from the shapes in velero_volume_controller/api/.

Run ``python -m hack.crds`` after a change in the shapes; a test compares.
"""

from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from hack.structural import structural
from velero_volume_controller.api.backupset import (
    ALONE_OR_NOT,
    GROUP,
    MAX_NAME,
    MAX_SCHEDULE_NAME,
    SCHEDULES,
    SETS,
    VERSION,
    BackupSetScheduleSpec,
    BackupSetScheduleStatus,
    BackupSetSpec,
    BackupSetStatus,
)
from velero_volume_controller.api.cleanrestore import (
    CLEAN_RESTORES,
    CleanRestoreSpec,
    CleanRestoreStatus,
)
from velero_volume_controller.velero.model.restores import NOT_PASSED_ON

FOLDER: Final = Path(__file__).resolve().parent.parent / "config" / "crd"

_HEAD: Final = "# Made from velero_volume_controller/api/{module}.py by hack/crds.py; change it there.\n"

#: Decided when the set begins: its Backups are made of it, and what they hold is not changed behind them.
_PLANNED: Final = ("selection", "template", "together", "isolate", "maxShards")

#: What a CleanRestore is about: an approved plan must not become another one behind whoever approved it.
_MADE: Final = (
    "source",
    "namespaces",
    "namespaceMapping",
    "scope",
    "extras",
    "allowKinds",
    "protect",
    "restoreTemplate",
    "undo",
    "undoOf",
    "allowPartial",
    "rehearsal",
)
#: What a rehearsal has no use for, for nothing is cleared away before it; and what is said then.
_NOT_REHEARSED: Final = {
    "namespaceMapping": "!has(self.namespaceMapping) || size(self.namespaceMapping) == 0",
    "scope": "self.scope == 'resources'",
    "extras": "self.extras == 'keep'",
    "allowKinds": "!has(self.allowKinds) || size(self.allowKinds) == 0",
    "undo": "self.undo == 'required'",
    "undoOf": "!has(self.undoOf)",
    "approval": "self.approval == 'manual'",
    "planHash": "!has(self.planHash)",
    "restoreTemplate": "!has(self.restoreTemplate)",
}
#: Of which type Velero's fields are that are not passed on: CEL sees no field that isn't declared.
_TYPES: Final[dict[str, dict[str, Any]]] = {
    "backupName": {"type": "string"},
    "scheduleName": {"type": "string"},
    "includedNamespaces": {"type": "array", "items": {"type": "string"}},
    "excludedNamespaces": {"type": "array", "items": {"type": "string"}},
    "namespaceMapping": {"type": "object", "additionalProperties": {"type": "string"}},
    "includedResources": {"type": "array", "items": {"type": "string"}},
    "excludedResources": {"type": "array", "items": {"type": "string"}},
    "labelSelector": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "orLabelSelectors": {
        "type": "array",
        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
    "includeClusterResources": {"type": "boolean"},
    "resourcePolicy": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "restorePVs": {"type": "boolean"},
    "existingResourcePolicy": {"type": "string"},
}


def crds() -> dict[str, dict[str, Any]]:
    """The CustomResourceDefinitions by the names of their files."""
    return {
        f"{SETS}.yaml": _sets(),
        f"{SCHEDULES}.yaml": _schedules(),
        f"{CLEAN_RESTORES}.yaml": _clean_restores(),
    }


def text(crd: dict[str, Any]) -> str:
    """As it is published."""
    dumped: str = yaml.safe_dump(crd, sort_keys=False, allow_unicode=True, width=110)
    of_restores = crd["spec"]["names"]["plural"] == CLEAN_RESTORES
    return _HEAD.format(module="cleanrestore" if of_restores else "backupset") + dumped


def _sets() -> dict[str, Any]:
    columns = [
        _column("Phase", "string", ".status.phase", "Where it stands."),
        _column("Shards", "integer", ".status.plan.shards", "Into how many Backups it is split."),
        _column("Volumes", "integer", ".status.progress.volumesTotal", "Volumes found so far."),
        _column("Done", "integer", ".status.progress.volumesDone", "Volumes taken completely."),
        _column("Started", "date", ".status.started", "When it began."),
        _column("Age", "date", ".metadata.creationTimestamp", "When it was made."),
        _column("Predicted", "integer", ".status.plan.predictedSeconds", "Seconds in all, as planned.", 1),
        _column("Bytes", "integer", ".status.progress.bytesDone", "Bytes read of its volumes.", 1),
        _column("Expires", "string", ".status.expires", "When the first of its Backups expires.", 1),
    ]
    rules = [_name_rule(MAX_NAME, "each of its Backups bears it as a label")]
    rules += [_frozen_rule(key, f"spec.{key}") for key in _PLANNED]
    rules.append(_frozen_rule("lanes", "spec.lanes.map(lane, lane.namespace)"))
    crd = _crd("BackupSet", SETS, "bset", (BackupSetSpec, BackupSetStatus), columns, rules)
    root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    root["properties"]["spec"] |= ALONE_OR_NOT
    return crd


def _schedules() -> dict[str, Any]:
    columns = [
        _column("Schedule", "string", ".spec.schedule", "When."),
        _column("Time zone", "string", ".spec.timeZone", "Whose hours these are."),
        _column("Suspend", "boolean", ".spec.suspend", "Whether it makes no more sets."),
        _column("Last schedule", "date", ".status.lastScheduleTime", "When a set was last due and made."),
        _column("Last success", "date", ".status.lastSuccessfulTime", "When one last ended Completed."),
        _column("Next", "string", ".status.nextScheduleTime", "When the next one is due."),
        _column("Age", "date", ".metadata.creationTimestamp", "When it was made."),
    ]
    rules = [_name_rule(MAX_SCHEDULE_NAME, "the names of its sets are it and eleven characters more")]
    shapes = (BackupSetScheduleSpec, BackupSetScheduleStatus)
    return _crd("BackupSetSchedule", SCHEDULES, "bsched", shapes, columns, rules)


def _clean_restores() -> dict[str, Any]:
    columns = [
        _column("Phase", "string", ".status.phase", "Where it stands."),
        _column("Delete", "integer", ".status.plan.delete", "Objects that the plan deletes."),
        _column("Gone", "integer", ".status.progress.gone", "How many of these are gone."),
        _column("Volumes", "integer", ".status.progress.volumesDone", "Volumes written completely."),
        _column("Started", "date", ".status.started", "When it was approved."),
        _column("Age", "date", ".metadata.creationTimestamp", "When it was made."),
        _column("BackupSet", "string", ".spec.source.backupSet", "The BackupSet that is restored.", 1),
        _column("Backup", "string", ".spec.source.backup", "The Backup that is restored.", 1),
        _column("Plan", "string", ".status.plan.hash", "The hash of its plan.", 1),
    ]
    rules = [_name_rule(MAX_NAME, "what it makes bears it as a label")]
    rules += [_made_rule(key) for key in _MADE]
    given = "has({}.spec.cancel) && {}.spec.cancel"
    rules.append(
        {
            "rule": f"!({given.format('oldSelf', 'oldSelf')}) || ({given.format('self', 'self')})",
            "message": "spec.cancel can't be taken back; make another CleanRestore",
        }
    )
    crd = _crd("CleanRestore", CLEAN_RESTORES, "crst", (CleanRestoreSpec, CleanRestoreStatus), columns, rules)
    root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    root["properties"]["spec"]["properties"]["restoreTemplate"] |= _restore_template()
    root["properties"]["spec"]["x-kubernetes-validations"] = [
        {
            "rule": f"!has(self.rehearsal) || {rule}",
            "message": f"spec.{key}: a rehearsal clears nothing away and restores into namespaces of its own;"
            " leave it out",
        }
        for key, rule in _NOT_REHEARSED.items()
    ]
    return crd


def _restore_template() -> dict[str, Any]:
    """What of Velero's RestoreSpec is not passed on is declared, so that it is refused when it is written."""
    checks, properties = [], {}
    for key, instead in NOT_PASSED_ON.items():
        what = f"{key} is not the template's to say"
        properties[key] = {"description": f"Not the template's to say. {instead}".strip(), **_TYPES[key]}
        checks.append(
            {"rule": f"!has(self.{key})", "message": f"{what}: {instead[0].lower()}{instead[1:-1]}"}
            if instead
            else {"rule": f"!has(self.{key})", "message": f"{what}: the plan does"}
        )
    return {
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": properties,
        "x-kubernetes-validations": checks,
    }


def _crd(
    kind: str,
    plural: str,
    short: str,
    shapes: tuple[type, type],
    columns: list[dict[str, Any]],
    rules: list[dict[str, str]],
) -> dict[str, Any]:
    (spec_reference, status_reference), definitions = msgspec.json.schema_components(shapes)
    spec = structural(spec_reference, definitions)
    root = {
        "type": "object",
        "description": definitions[shapes[0].__name__]["description"].split("\n")[0],
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"{kind}."},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": structural(status_reference, definitions, defaults=False),
        },
        "x-kubernetes-validations": rules,
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": root},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
    }
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": [short],
        "categories": ["vvc"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def _column(name: str, of: str, path: str, description: str, priority: int = 0) -> dict[str, Any]:
    """A column of ``kubectl get``; priority 1 is for ``-o wide``."""
    column = {"name": name, "type": of, "jsonPath": path, "description": description}
    return column | ({"priority": priority} if priority else {})


def _name_rule(most: int, why: str) -> dict[str, str]:
    return {
        "rule": f"size(self.metadata.name) <= {most}",
        "message": f"metadata.name: expected at most {most} characters: {why}",
    }


def _frozen_rule(key: str, value: str) -> dict[str, str]:
    """A key of the spec that can't be changed once there is a plan; ``value`` is what of it counts."""
    same = f"self.{value} == oldSelf.{value}"
    return {
        "rule": "!has(oldSelf.status) || !has(oldSelf.status.plan) || "
        f"(has(self.spec.{key}) == has(oldSelf.spec.{key}) && (!has(self.spec.{key}) || {same}))",
        "message": f"spec.{key} can't be changed once the set is planned; make another BackupSet",
    }


def _made_rule(key: str) -> dict[str, str]:
    """A key of the spec that can never be changed."""
    return {
        "rule": f"has(self.spec.{key}) == has(oldSelf.spec.{key})"
        f" && (!has(self.spec.{key}) || self.spec.{key} == oldSelf.spec.{key})",
        "message": f"spec.{key} can't be changed; make another CleanRestore",
    }


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, crd in crds().items():
        (FOLDER / name).write_text(text(crd))


if __name__ == "__main__":
    main()
