"""Text as a person wrote it, with each scalar made what Kubernetes reads it as. Pure."""

from typing import Any, Final

import yaml

from velero_volume_controller.config import document
from velero_volume_controller.dumps.documents import scalar

#: Tells what a scalar's tag is where none is written.
_RESOLVER: Final = yaml.SafeLoader("")


def typed(data: Any, node: yaml.Node | None) -> Any:
    """What config/tree.py grew of this node, with its numbers, truths and nulls.

    The node of a key that is set twice may be the other one, which is refused anyway.
    """
    if isinstance(data, dict):
        values = document.top_level(node)
        return {key: typed(value, values.get(key)) for key, value in data.items()}
    if isinstance(data, list) and isinstance(node, yaml.SequenceNode):
        return [typed(each, item) for each, item in zip(data, node.value, strict=False)]
    if isinstance(data, str) and isinstance(node, yaml.ScalarNode):
        # types-PyYAML has no types for it.
        untagged = _RESOLVER.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]
        return scalar(data, plain=node.style is None and node.tag == untagged)
    return data
