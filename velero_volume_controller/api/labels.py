"""Labels as a person writes them, in every schema of ours."""

from typing import Annotated

from msgspec import Meta

from velero_volume_controller.api import names

LabelKey = Annotated[
    str,
    Meta(
        title="a label's key such as app or example.com/app",
        pattern=names.LABEL_KEY,
        max_length=names.LABEL_KEY_LENGTH,
    ),
]
LabelValue = Annotated[
    str,
    Meta(
        title="a label's value (at most 63 letters, digits, dashes, underscores and dots)",
        pattern=names.LABEL_VALUE,
        max_length=names.LABEL_VALUE_LENGTH,
    ),
]
