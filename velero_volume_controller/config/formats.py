"""Telling the two formats apart."""

from typing import Final

import yaml

from velero_volume_controller.config import document

API_VERSION: Final = "vvc.velero.io/v1alpha1"
KIND: Final = "ControllerConfig"

_GROUP: Final = API_VERSION.partition("/")[0]


def is_native(root: yaml.Node | None) -> bool:
    """Whether a document is meant to be of the native format.

    One sign is enough, in whatever case: a document that lacks the others, or has them wrong, is
    refused with what it lacks. Read as nine keys, of which it has none, it would
    have every PVC of every namespace annotated.
    """
    top = {key.lower(): value for key, value in document.top_level(root).items()}
    version, kind = (document.text(top.get(key)) for key in ("apiversion", "kind"))
    return version.partition("/")[0] == _GROUP or kind == KIND or "annotator" in top
