"""What is wrong with a CleanRestore beside its shapes, said before the API server or a run is asked. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from velero_volume_controller.api.cleanrestore import CleanRestoreSpec, Clearing
from velero_volume_controller.api.times import parse_duration
from velero_volume_controller.config.tree import Path
from velero_volume_controller.velero.model.restores import NOT_PASSED_ON

#: Fields of Velero's RestoreSpec that are passed on (restore_types.go, 1.18.3).
PASSED_ON: Final = frozenset(
    {
        "hooks",
        "itemOperationTimeout",
        "preserveNodePorts",
        "resourceModifier",
        "restoreStatus",
        "uploaderConfig",
    }
)


#: What a rehearsal has no use for.
_NOT_REHEARSED: Final = {
    "namespace_mapping": "namespaceMapping",
    "scope": "scope",
    "extras": "extras",
    "allow_kinds": "allowKinds",
    "undo": "undo",
    "undo_of": "undoOf",
    "approval": "approval",
    "plan_hash": "planHash",
    "restore_template": "restoreTemplate",
}


def contradictions(spec: CleanRestoreSpec) -> Iterator[tuple[Path, str]]:
    """(place, what is wrong there) in a spec whose shapes are right."""
    yield from clearing_contradictions(spec)
    source = spec.source
    given = [each for each in (source.backup_set, source.backup, source.backups or None) if each is not None]
    if len(given) != 1:
        yield (
            ("spec", "source"),
            f"expected exactly one of backupSet, backup and backups, found {len(given)}.",
        )
    if spec.rehearsal is not None:
        yield from _rehearsal(spec)
    for key in spec.restore_template:
        if key in NOT_PASSED_ON:
            what = f"is not passed on: it would restore something else. {NOT_PASSED_ON[key]}"
            yield ("spec", "restoreTemplate", key), what.strip()
        elif key not in PASSED_ON:
            near = difflib.get_close_matches(key, PASSED_ON, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            yield ("spec", "restoreTemplate", key), f"is no field of a Restore's spec in Velero 1.18.{hint}"
    for place, text in (
        (("spec", "timeouts", "clear"), spec.timeouts.clear),
        (("spec", "timeouts", "restore"), spec.timeouts.restore),
        (("spec", "verify", "podsReady"), spec.verify.pods_ready),
    ):
        yield from _duration(place, text)


def clearing_contradictions(spec: Clearing) -> Iterator[tuple[Path, str]]:
    """Of what a plan is made from alone."""
    selector = spec.protect.selector
    for index, each in enumerate(selector.match_expressions if selector is not None else ()):
        if (each.operator in {"In", "NotIn"}) != bool(each.values):
            place = ("spec", "protect", "selector", "matchExpressions", index)
            takes = "needs values" if not each.values else "takes no values"
            yield place, f"operator {each.operator} {takes}."


def _rehearsal(spec: CleanRestoreSpec) -> Iterator[tuple[Path, str]]:
    """As the API server has it (hack/crds.py)."""
    defaults = CleanRestoreSpec(source=spec.source)
    for name, key in _NOT_REHEARSED.items():
        if getattr(spec, name) != getattr(defaults, name):
            yield (
                ("spec", key),
                "a rehearsal clears nothing away and restores into namespaces of its own. Leave it out.",
            )


def _duration(place: Path, text: str) -> Iterator[tuple[Path, str]]:
    try:
        none = parse_duration(text) <= timedelta()
    except ValueError as error:
        yield place, f"{error}."
    else:
        if none:
            yield place, f"expected a duration longer than none, such as 90s or 1h30m, found {text!r}."
