"""The published schema and page are what the code says now, and their examples are right."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from hack.reference import PAGE, SCHEMA, page, schema_text
from velero_volume_controller.config import load_text
from velero_volume_controller.config.schema import boolean_keys, schema

SECTIONS: dict[str, Any] = {"document": schema(), **schema()["$defs"]}


def fields() -> Iterator[Any]:
    for name, section in SECTIONS.items():
        for key, described in section.get("properties", {}).items():
            yield pytest.param(described, id=f"{name}.{key}")


def test_the_published_schema_is_the_one_that_validates() -> None:
    assert SCHEMA.read_text() == schema_text(), "run make reference"


def test_the_page_is_made_from_the_schema() -> None:
    assert PAGE.read_text() == page(), "run make reference"


def test_the_schema_is_one_of_draft_2020_12() -> None:
    assert schema()["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("described", list(fields()))
def test_every_field_is_described_and_its_examples_and_default_fit(described: dict[str, Any]) -> None:
    assert described["description"].endswith(".")
    validator = Draft202012Validator({**described, "$defs": schema()["$defs"]})
    values = list(described.get("examples", []))
    values += [described["default"]] if "default" in described else []
    for value in values:
        validator.validate(value)


@pytest.mark.parametrize("name", [name for name, section in SECTIONS.items() if "properties" in section])
def test_no_section_takes_keys_that_it_does_not_know(name: str) -> None:
    assert SECTIONS[name]["additionalProperties"] is False


def test_adopt_is_the_one_key_that_is_true_or_false() -> None:
    assert boolean_keys(schema()) == {"adopt"}


def test_the_document_on_the_page_can_be_used() -> None:
    (text,) = [block for block in page().split("```yaml\n") if block.startswith("apiVersion")]
    text = text.partition("```")[0]
    assert [rule.name for rule in load_text(text, "rules.md").configuration.rules] == [
        "no caches",
        "databases",
    ]


def test_a_document_that_an_editor_reads_with_types_fits_the_schema_too() -> None:
    (text,) = [block for block in page().split("```yaml\n") if block.startswith("apiVersion")]
    Draft202012Validator(schema()).validate(yaml.safe_load(text.partition("```")[0]))
