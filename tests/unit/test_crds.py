"""The published CustomResourceDefinitions are what the shapes say now, and every key in them is explained."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import yaml

from hack.crd_reference import PAGES, Page
from hack.crd_reference import text as page_text
from hack.crds import FOLDER, crds, text
from hack.structural import structural
from velero_volume_controller.api.backupset import BackupSetSpec
from velero_volume_controller.backup.read_set import read_set
from velero_volume_controller.restore.read_restore import read_restore
from velero_volume_controller.velero.model.restores import NOT_PASSED_ON

CRDS = crds()

#: Keys of the templates that are declared for a check alone.
VELEROS = ("includedNamespaces", "excludedNamespaces", "labelSelector", "orLabelSelectors", *NOT_PASSED_ON)


@pytest.mark.parametrize("file", CRDS)
def test_the_published_definition_is_up_to_date(file: str) -> None:
    assert (FOLDER / file).read_text() == text(CRDS[file]), "run make reference"


@pytest.mark.parametrize("page", PAGES, ids=[page.file for page in PAGES])
def test_the_page_is_made_from_the_definitions(page: Page) -> None:
    assert page.path.read_text() == page_text(page), "run make reference"


def example(page: Page) -> str:
    (block,) = [each.partition("```")[0] for each in page_text(page).split("```yaml\n")[1:]]
    return block


def test_the_examples_on_the_pages_can_be_used() -> None:
    sets, restores = PAGES
    assert read_set(example(sets), "page").name == "nightly"
    assert read_restore(example(restores), "page").name == "monday"


def test_all_of_them_are_installed() -> None:
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert listed == list(CRDS)


def places(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, schema) of a place and everything below it."""
    yield path, node
    for key, below in node.get("properties", {}).items():
        yield from places(below, f"{path}.{key}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from places(node[key], f"{path}[]")


def everything() -> Iterator[Any]:
    for crd in CRDS.values():
        (version,) = crd["spec"]["versions"]
        root = version["schema"]["openAPIV3Schema"]
        for part in ("spec", "status"):
            for path, node in places(root["properties"][part], f"{crd['spec']['names']['kind']}.{part}"):
                yield pytest.param(path, node, id=path)


@pytest.mark.parametrize(("path", "node"), list(everything()))
def test_each_key_is_explained_and_of_one_type(path: str, node: dict[str, Any]) -> None:
    if not path.endswith("[]"):
        assert node["description"].endswith("."), "kubectl explain prints it as a sentence"
    assert ("type" in node) != ("x-kubernetes-int-or-string" in node)
    assert not {"$ref", "anyOf", "title", "propertyNames"} & set(node)
    # Without limits the API server reckons with the worst case, and refuses the checks for their cost.
    ours = path.startswith(("BackupSet.spec", "CleanRestore.spec")) and not path.endswith(VELEROS)
    if node.get("type") == "array" and ours:
        assert "maxItems" in node
    for check in node.get("x-kubernetes-validations", ()):
        assert check["message"]


def test_a_union_that_no_structural_schema_holds_is_refused() -> None:
    either = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"enum": ["auto"]}]}
    with pytest.raises(ValueError, match="no structural schema holds this union"):
        structural(either, {})


def test_what_the_api_server_fills_in_is_what_the_code_takes_for_granted() -> None:
    (version,) = CRDS["backupsets.yaml"]["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    filled = msgspec.convert(defaulted(spec), BackupSetSpec)
    assert filled == BackupSetSpec()


def defaulted(schema: dict[str, Any]) -> Any:
    """An empty map as the API server stores it: each default, and the defaults below it."""
    made = {}
    for key, below in schema.get("properties", {}).items():
        if "default" in below:
            made[key] = defaulted(below) if below["default"] == {} else below["default"]
    return made
