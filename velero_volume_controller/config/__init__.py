"""Reading what the user wrote: a path goes in, a Configuration and warnings come out.

Errors name file, line and key (``ConfigurationError``). Two formats: the nine keys
of the Go program velero-volume-controller, and our own, told apart by what is in it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from velero_volume_controller.api.configuration import Configuration, Ownership
from velero_volume_controller.config import document
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.config.formats import is_native
from velero_volume_controller.config.ninekeys import NineKeys, parse
from velero_volume_controller.config.source import read_text
from velero_volume_controller.config.translate import translate

#: Where the Go program's image and manifests mount the ConfigMap.
DEFAULT_PATH: Final = Path("/velero-volume-controller/examples/config.yml")

__all__ = ["DEFAULT_PATH", "ConfigurationError", "Loaded", "load", "load_text"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and complete sentences about what looks wrong in it.

    ``native`` tells our own format from the nine keys.
    """

    configuration: Configuration
    warnings: tuple[str, ...] = ()
    native: bool = False


def load(path: Path, ownership: Ownership | None = None) -> Loaded:
    """Read a configuration file, or raise ConfigurationError.

    ``ownership`` comes from the command line. Where it is None a native document
    says it; the nine keys have no word for it and mean PROTECT.
    """
    return load_text(read_text(path), str(path), ownership)


def load_text(text: str, file: str, ownership: Ownership | None = None) -> Loaded:
    """Read a configuration from text; ``file`` is what messages call it."""
    root, more = document.compose(text, file)
    if root is not None and is_native(root):
        # Imported here: whoever uses the nine keys pays neither the time nor the memory.
        from velero_volume_controller.config.read_native import read  # noqa: PLC0415

        configuration, warnings = read(root, file, ownership)
        native = True
    else:
        keys = parse(root, file)
        configuration, found = translate(keys, ownership or Ownership.PROTECT)
        warnings = (*keys.warnings, *found, *_nothing_set(keys))
        native = False
    if more:
        ignored = f"{file}: holds more than one YAML document; only the first is read. Remove the others."
        warnings = (ignored, *warnings)
    return Loaded(configuration, warnings, native)


def _nothing_set(keys: NineKeys) -> tuple[str, ...]:
    """A warning if nothing is set: whoever lost the text of a file has every PVC backed up."""
    if any(keys.values.values()):
        return ()
    return (
        f"{keys.file}: sets nothing, which means every PersistentVolumeClaim of every namespace."
        " If that is not meant, write what is.",
    )
