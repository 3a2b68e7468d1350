"""Make docs/reference/backupset.md and cleanrestore.md from the CustomResourceDefinitions: every key.

Run ``python -m hack.crd_reference`` after a change in the shapes; a test compares.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hack.crds import crds

_FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "reference"

_SETS_HEAD: Final = """\
<!-- Made by hack/crd_reference.py from velero_volume_controller/api/backupset.py; change it there. -->
# BackupSet and BackupSetSchedule: every key

Group `vvc.velero.io`, version `v1alpha1`, namespaced: they stand in the namespace of Velero.
What they do: [back up in parallel](../backups/backing-up.md), [schedules](../backups/schedules.md).
`kubectl explain backupset.spec --recursive` says the same of the version that is installed.

The API server checks what it can when an object is written; what it says is in the lists
under "checks". `vvc backup create -f FILE --dry-run` checks a file without a cluster.
Durations are written as Velero writes them (`90s`, `1h30m`), times as RFC 3339 in UTC.
"""

_RESTORES_HEAD: Final = """\
<!-- Made by hack/crd_reference.py from velero_volume_controller/api/cleanrestore.py; change it there. -->
# CleanRestore: every key

Group `vvc.velero.io`, version `v1alpha1`, namespaced: they count in the namespace of Velero and of this
program, and are left alone in any other.
`kubectl explain cleanrestore.spec --recursive` says the same of the version that is installed.

The API server checks what it can when an object is written; what it says is in the lists
under "checks". What a run is about can't be changed once it is made, so that nobody changes an approved
plan; `planHash`, `approval`, `cancel`, `timeouts` and `verify` can.
Durations are written as Velero writes them (`90s`, `1h30m`), times as RFC 3339 in UTC.
"""

_SETS_EXAMPLE: Final = """
```yaml
apiVersion: vvc.velero.io/v1alpha1
kind: BackupSet
metadata: {name: nightly, namespace: velero}
spec:
  selection: {namespaces: {exclude: [kube-system]}}
  template: {ttl: 720h, defaultVolumesToFsBackup: false}
  together: [[shop, shop-db]]
  first: [billing]
  retry: {limit: 2, backoff: 1m}
  deadline: 4h
```
"""


_RESTORES_EXAMPLE: Final = """
```yaml
apiVersion: vvc.velero.io/v1alpha1
kind: CleanRestore
metadata: {name: monday, namespace: velero}
spec:
  source: {backupSet: nightly-29384520}
  namespaces: {include: [shop, shop-db]}
  scope: resources
  extras: keep
  allowKinds: [Certificate.cert-manager.io]
  protect: {selector: {matchLabels: {keep: "true"}}}
  undo: required
  timeouts: {clear: 15m, restore: 4h}
```
"""


@dataclass(frozen=True)
class Page:
    """A page of the reference. ``kinds`` are those that it explains, in their order."""

    file: str
    head: str
    kinds: tuple[str, ...]
    example: str

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return _FOLDER / self.file


PAGES: Final = (
    Page("backupset.md", _SETS_HEAD, ("BackupSet", "BackupSetSchedule"), _SETS_EXAMPLE),
    Page("cleanrestore.md", _RESTORES_HEAD, ("CleanRestore",), _RESTORES_EXAMPLE),
)


def text(page: Page) -> str:
    """The page: for each kind a table for each map in its spec, then in its status."""
    parts = [page.head]
    for crd in crds().values():
        (version,) = crd["spec"]["versions"]
        root = version["schema"]["openAPIV3Schema"]
        kind = crd["spec"]["names"]["kind"]
        if kind not in page.kinds:
            continue
        short = crd["spec"]["names"]["shortNames"][0]
        parts.append(f"\n## {kind}\n\n{root['description']} Short name `{short}`.\n")
        parts += [page.example] if kind == page.kinds[0] else []
        parts += _checks(root)
        for part in ("spec", "status"):
            parts += _section(part, root["properties"][part])
    return "".join(parts)


def _section(path: str, node: Mapping[str, Any]) -> Iterator[str]:
    """A map's keys, and then the maps below it. A schedule's template has the keys of a BackupSet's spec."""
    yield f"\n### `{path}`\n\n{node['description']}\n\n"
    yield "| key | type | default | meaning |\n|---|---|---|---|\n"
    required = node.get("required", ())
    for key, below in node["properties"].items():
        default = "required" if key in required else _default(below)
        yield f"| `{key}` | {_type(below)} | {default} | {below['description']} |\n"
    yield from _checks(node)
    if path == "spec.template":
        yield "\n`spec` holds the keys of [a BackupSet's spec](#spec).\n"
        return
    for key, below in node["properties"].items():
        target = below.get("items", below)
        if "properties" in target and not target.get("x-kubernetes-preserve-unknown-fields"):
            yield from _section(f"{path}.{key}{'[]' if 'items' in below else ''}", {**target, **_said(below)})
        else:
            yield from _checks(below, f"{path}.{key}")


def _said(node: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": node["description"]}


def _checks(node: Mapping[str, Any], path: str = "") -> Iterator[str]:
    checks = node.get("x-kubernetes-validations", ())
    if checks:
        yield f"\n{f'`{path}`, checks' if path else 'Checks'}:\n\n"
        yield from (f"- {check['message']}\n" for check in checks)


def _default(node: Mapping[str, Any]) -> str:
    default = node.get("default", "")
    if default in ("", {}):
        return ""
    if isinstance(default, bool):
        default = str(default).lower()
    return f"`{default}`" if not isinstance(default, list) else f"`[{', '.join(map(repr, default))}]`"


def _type(node: Mapping[str, Any]) -> str:
    """In words; what is allowed of a text is said by the API server."""
    if "x-kubernetes-int-or-string" in node:
        return "`auto` or a number"
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    match node["type"]:
        case "array":
            items = node["items"]
            inner = (
                "maps, below" if "properties" in items else "lists" if items["type"] == "array" else "texts"
            )
            return f"list of {inner}"
        case "object" if "additionalProperties" in node:
            return "map"
        case "object":
            return "map of Velero's" if node.get("x-kubernetes-preserve-unknown-fields") else "map, below"
        case "string" if node.get("format") == "date-time":
            return "time"
        case "string":
            return "text"
        case "integer" | "number":
            return "number"
    return "`true` or `false`"


def main() -> None:
    """Write the pages."""
    for page in PAGES:
        page.path.write_text(text(page))


if __name__ == "__main__":
    main()
