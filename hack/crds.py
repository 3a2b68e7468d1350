"""Make config/crd/ from the shapes in velero_volume_controller/api/backupset.py.

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

FOLDER: Final = Path(__file__).resolve().parent.parent / "config" / "crd"

_HEAD: Final = "# Made from velero_volume_controller/api/backupset.py by hack/crds.py; change it there.\n"

#: Decided when the set begins: its Backups are made of it, and what they hold is not changed behind them.
_PLANNED: Final = ("selection", "template", "together", "isolate", "maxShards")


def crds() -> dict[str, dict[str, Any]]:
    """The CustomResourceDefinitions by the names of their files."""
    return {f"{SETS}.yaml": _sets(), f"{SCHEDULES}.yaml": _schedules()}


def text(crd: dict[str, Any]) -> str:
    """As it is published."""
    dumped: str = yaml.safe_dump(crd, sort_keys=False, allow_unicode=True, width=110)
    return _HEAD + dumped


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


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, crd in crds().items():
        (FOLDER / name).write_text(text(crd))


if __name__ == "__main__":
    main()
