"""From a path to text: every way in which a file can fail to be one, told apart."""

from pathlib import Path
from typing import Final

from velero_volume_controller.config.errors import ConfigurationError

#: A ConfigMap holds at most 1 MiB, so a file larger than this is not a configuration.
MAX_BYTES: Final = 1 << 20


def read_text(path: Path) -> str:
    """The file's text. A pipe is as good as a file; a byte order mark is dropped.

    Raises ConfigurationError when there is nothing to read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no such file. Give the configuration's path with -c PATH; "
            "in a pod, check that the ConfigMap is mounted there and has the key config.yml."
        ) from None
    except IsADirectoryError:
        raise ConfigurationError(
            f"{path}: is a directory, expected a file. Try -c {path / 'config.yml'}."
        ) from None
    except PermissionError:
        raise ConfigurationError(
            f"{path}: may not be read by this user. Make it readable, or run as a user who may read it."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}. Check the path.") from None
    except ValueError as error:
        raise ConfigurationError(f"{str(path)!r}: is no path: {error}. Give another with -c PATH.") from None
    return decode(data, str(path))


def decode(data: bytes, file: str) -> str:
    """The text of these bytes; ``file`` is what messages call them. Raises ConfigurationError."""
    if len(data) > MAX_BYTES:
        raise ConfigurationError(
            f"{file}: is larger than 1 MiB, more than a ConfigMap can hold. Check that it is the right file."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{file}:{line}: is not UTF-8 text (byte 0x{data[error.start]:02x}). Save the file as UTF-8."
        ) from None
