"""Make docs/reference/ from the native format's definition: the JSON Schema and the page on the rules.

Run ``python -m hack.reference`` after a change in the definition; a test compares.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from velero_volume_controller.api.volume_types import TYPES_NEVER_TAKEN, VOLUME_TYPES
from velero_volume_controller.config.schema import schema

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "reference"
SCHEMA: Final = FOLDER / "controllerconfig.schema.json"
PAGE: Final = FOLDER / "rules.md"

_HEAD: Final = """\
<!-- Made by hack/reference.py from velero_volume_controller/config/native.py; change it there. -->
# The native configuration: every key

A file of this format stands where the [nine keys](../annotating.md) may stand: in
the ConfigMap `velero-volume-controller` under `config.yml`, or wherever `-c` says.
`vvc config validate FILE` checks it against the
[JSON Schema](controllerconfig.schema.json) and for contradictions, and names every
problem with its line. `vvc config convert FILE` turns the nine keys into this format.
Which `mode` goes with which setting of Velero's: [opt-in or opt-out](../opt-in-or-opt-out.md).

For completion and checks in an editor that speaks to yaml-language-server, begin the
file with

```yaml
# yaml-language-server: $schema=PATH/TO/controllerconfig.schema.json
```

```yaml
apiVersion: vvc.velero.io/v1alpha1
kind: ControllerConfig
annotator:
  rules:                       # in order: the first rule that matches a volume decides it
  - name: no caches
    action: skip
    volumes: {names: ["*cache*"]}
  - name: databases
    action: backup
    namespaces: {include: ["shop-*"]}
    pods: {excludeJobs: ["*-cron"]}
    volumes: {types: [persistentVolumeClaim], maxSize: 100Gi}
```

- Unknown keys, keys set twice, empty keys and empty lists are errors.
- Text stays what was typed: `no`, `0123` and `1.0` are names. Other tools that read
  YAML may see something else, so quotes do no harm.
- In lists of names `*` is any run of characters; put such a name in quotes. Nothing
  else is special.
- All conditions of a rule must hold; of a list of names, one must fit.
- YAML's anchors and aliases are read, merge keys (`<<`) are not.
"""


def page() -> str:
    """The page, a table for each section."""
    return _HEAD + "".join(_section(heading, definition) for heading, definition in _sections()) + _types()


def _types() -> str:
    taken = ", ".join(_code(name) for name in sorted(VOLUME_TYPES - TYPES_NEVER_TAKEN))
    never = ", ".join(_code(name) for name in sorted(TYPES_NEVER_TAKEN))
    return (
        "\n## Types of volumes\n\n"
        f"{taken}.\n\n"
        f"Known, but never taken by Velero's file-system backup, whatever a rule says: {never}.\n"
    )


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _sections() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(heading, definition) in the order in which the keys lead to them."""
    definitions: Mapping[str, Any] = schema()["$defs"]
    waiting: list[Mapping[str, Any]] = [schema()]
    headings: dict[str, list[str]] = {}
    order = []
    while waiting:
        for key, described in waiting.pop(0)["properties"].items():
            target = _target(described)
            if "properties" not in definitions.get(target, {}):
                continue
            if target not in headings:
                order.append(target)
                waiting.append(definitions[target])
            headings.setdefault(target, [])
            if key not in headings[target]:
                headings[target].append(key)
    yield "The document", schema()
    for target in order:
        yield ", ".join(f"`{key}`" for key in headings[target]), definitions[target]


def _section(heading: str, definition: Mapping[str, Any]) -> str:
    lines = [f"\n## {heading}\n", f"{definition['description']}\n"]
    lines += ["| key | type | default | meaning | example |", "|---|---|---|---|---|"]
    required = definition.get("required", ())
    for key, described in definition["properties"].items():
        default = (
            "required" if key in required else _code(described["default"]) if "default" in described else ""
        )
        examples = "<br>".join(_code(example) for example in described.get("examples", ()))
        lines.append(
            f"| `{key}` | {_type(described)} | {default} | {described['description']} | {examples} |"
        )
    return "\n".join(lines) + "\n"


def _type(described: Mapping[str, Any]) -> str:
    """The type in words, with a link where it is a section of its own."""
    target = schema()["$defs"].get(_target(described), {})
    if described.get("type") == "array":
        return (
            "list of maps, below"
            if "$ref" in described["items"]
            else f"list, each {described['items']['title']}"
        )
    if "enum" in described or "enum" in target:
        return ", ".join(_code(value) for value in described.get("enum", target.get("enum")))
    if "properties" in target:
        return "map, below"
    if described["type"] == "object":
        return "map of labels to values" if "propertyNames" in described else "map"
    return str(described.get("title", {"boolean": "`true` or `false`"}.get(described["type"], "text")))


def _target(described: Mapping[str, Any]) -> str:
    reference = described.get("$ref") or described.get("items", {}).get("$ref", "")
    return str(reference.rpartition("/")[2])


def _code(value: Any) -> str:
    """A value as one line of YAML."""
    if isinstance(value, str):
        return f"`{value}`"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    # PyYAML ends a scalar that stands alone with a line of dots.
    return f"`{text.splitlines()[0]}`"


def main() -> None:
    """Write both files."""
    FOLDER.mkdir(exist_ok=True)
    SCHEMA.write_text(schema_text())
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
