"""The tag of an image, however the image is written."""

import pytest

from velero_volume_controller.velero.model.servers import tag

IMAGES = {
    "velero/velero:v1.18.3": "v1.18.3",
    "registry.example:5000/velero/velero:v1.16.2": "v1.16.2",
    "registry.example:5000/velero/velero": "",
    "velero/velero:v1.17.2@sha256:0123": "v1.17.2",
    "velero/velero@sha256:0123": "",
    "velero": "",
    "": "",
}


@pytest.mark.parametrize(("image", "expected"), IMAGES.items(), ids=[name or "none" for name in IMAGES])
def test_the_tag_of(image: str, expected: str) -> None:
    assert tag(image) == expected
