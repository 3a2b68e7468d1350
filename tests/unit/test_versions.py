"""Velero's versions."""

import pytest

from velero_volume_controller.velero.model.versions import Version, parse_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.18.3", Version(1, 18, 3)),
        ("v1.16.2", Version(1, 16, 2)),
        ("1.17", Version(1, 17, 0)),
        ("v1.16.2-debian-12-r0", Version(1, 16, 2)),
        ("v1.18.0-rc.1", Version(1, 18, 0)),
        ("1.18.3+build.7", Version(1, 18, 3)),
    ],
)
def test_a_version_is_read_from_an_option_or_an_images_tag(text: str, version: Version) -> None:
    assert parse_version(text) == version


def test_versions_are_ordered_by_their_numbers_not_by_their_letters() -> None:
    assert parse_version("1.9.6") < parse_version("1.10") < parse_version("1.10.1") < parse_version("1.18")


@pytest.mark.parametrize("text", ["", "latest", "main", "1", "1.x", "1.18.3.4", "one.two", " 1.18", "1.18\n"])
def test_what_is_no_version_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a version of Velero such as 1\.18\.3, found"):
        parse_version(text)
