"""Reading what the user wrote: a path goes in, a Configuration and warnings come out.

Errors name file, line and key (``ConfigurationError``). The format is the nine
keys of the Go program velero-volume-controller.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from velero_volume_controller.api.configuration import Configuration, Ownership
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.config.ninekeys import parse
from velero_volume_controller.config.source import read_text
from velero_volume_controller.config.translate import translate

#: Where the Go program's image and manifests mount the ConfigMap.
DEFAULT_PATH: Final = Path("/velero-volume-controller/examples/config.yml")

__all__ = ["DEFAULT_PATH", "ConfigurationError", "Loaded", "load", "load_text"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and complete sentences about what looks wrong in it."""

    configuration: Configuration
    warnings: tuple[str, ...] = ()


def load(path: Path, ownership: Ownership = Ownership.PROTECT) -> Loaded:
    """Read a configuration file.

    The nine keys cannot say who owns an annotation, so ``ownership`` comes from
    the command line. Raises ConfigurationError.
    """
    return load_text(read_text(path), str(path), ownership)


def load_text(text: str, file: str, ownership: Ownership = Ownership.PROTECT) -> Loaded:
    """Read a configuration from text; ``file`` is what messages call it."""
    keys = parse(text, file)
    configuration, warnings = translate(keys, ownership)
    return Loaded(configuration, (*keys.warnings, *warnings))
