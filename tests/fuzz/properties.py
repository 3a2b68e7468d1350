"""What must hold of every document, right or wrong."""

import dataclasses
import re

import msgspec

from tests.unit.podmaker import make_pod
from velero_volume_controller.api.configuration import Configuration, Ownership
from velero_volume_controller.config import ConfigurationError, Loaded, load_text
from velero_volume_controller.config.convert import as_native
from velero_volume_controller.config.write_native import write
from velero_volume_controller.policy import decide

FILE = "config.yml"

_PROBLEM = re.compile(r'config\.yml:[1-9][0-9]*: \S.*[.?"]')
_WARNING = re.compile(r"config\.yml:([1-9][0-9]*:)? \S.*[.?]")

#: Pods that a nine-key rule tells apart.
_PODS = [
    make_pod(namespace=namespace, volumes=volumes, owner=owner)
    for namespace in ("shop", "shop-a", "no", "0123", "other")
    for volumes in ({"data": "pvc", "tmp": "emptyDir"}, {"n": "nfs", "s": "secret", "data": "pvc"})
    for owner in (None, ("Job", "nightly-cron"), ("Job", "shop"), ("ReplicaSet", "shop"))
]


def read_or_refused(text: str) -> bool:
    """A document is read, or refused with messages that name the file and a line. Whether it was read."""
    try:
        loaded = load_text(text, FILE)
    except ConfigurationError as error:
        problems = error.problems
    else:
        _check_read(loaded)
        return True
    assert problems, "an error without a problem"
    for problem in problems:
        _check_message(problem, _PROBLEM)
    return False


def _check_read(loaded: Loaded) -> None:
    for warning in loaded.warnings:
        _check_message(warning, _WARNING)
    # Everything in it can be printed and sent: no half characters.
    msgspec.json.encode(loaded.configuration)
    says_the_same_when_written(loaded)


def _check_message(message: str, pattern: re.Pattern[str]) -> None:
    assert pattern.fullmatch(message), f"not a message that helps: {message!r}"
    message.encode()


def says_the_same_when_written(loaded: Loaded) -> None:
    """Written as a native document and read again, nothing has changed; nine keys keep their decisions."""
    configuration = loaded.configuration
    before = configuration
    if not loaded.native:
        before, notes = as_native(configuration)
        assert all(note.isprintable() for note in notes), notes
        keeps_its_decisions(configuration, before)
    after = load_text(write(before), FILE)
    assert after.native
    assert after.configuration == dataclasses.replace(before, source=FILE)


def keeps_its_decisions(nine_keys: Configuration, native: Configuration) -> None:
    """Where Velero could take the volumes, the two decide alike."""
    assert nine_keys.ownership is Ownership.PROTECT
    for pod in _PODS:
        before, after = decide(pod, nine_keys), decide(pod, native)
        assert before.value == after.value
        assert [volume.backup for volume in before.volumes] == [volume.backup for volume in after.volumes]


def is_read_back(configuration: Configuration) -> None:
    """Everything that the native format can say is read as it was written."""
    loaded = load_text(write(configuration), FILE)
    read = dataclasses.replace(loaded.configuration, source=configuration.source)
    assert read == dataclasses.replace(configuration, as_go_program=False)
