"""What objects say for themselves, in their annotations. It beats the rules.

The claim is asked first (and the volume it is bound to), then the pod, then the
namespace; the first that says something decides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from velero_volume_controller.api.configuration import Action
from velero_volume_controller.velero.model.annotations import (
    BACKUP,
    FORK_BACKUP,
    FORK_EXCLUDE,
    WATCHER_EXCLUDED,
)
from velero_volume_controller.velero.model.pods import Pod, Volume
from velero_volume_controller.velero.model.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Statement:
    """An annotation that was found: which, on what, what it says; ``action`` None: it can't be understood."""

    where: str
    action: Action | None
    said: str


def statements(pod: Pod, volume: Volume, surroundings: Surroundings) -> Iterator[Statement]:
    """What was found about one volume, the strongest first."""
    claim = surroundings.claim(pod, volume)
    if claim is not None:
        what = f"PersistentVolumeClaim {claim.name}"
        bound = surroundings.persistent_volume(claim)
        yield from _switch(BACKUP, claim.annotations, what)
        # As the forks do, an exclusion on either beats an inclusion on either.
        for key, action in ((FORK_EXCLUDE, Action.SKIP), (FORK_BACKUP, Action.BACKUP)):
            yield from _flag(key, action, claim.annotations, what)
            if bound is not None:
                yield from _flag(key, action, bound.annotations, f"PersistentVolume {bound.name}")
        yield from _flag(WATCHER_EXCLUDED, Action.SKIP, claim.annotations, what)
    yield from _of_pod(pod, volume)
    namespace = surroundings.namespace(pod)
    if namespace is not None:
        yield from _switch(BACKUP, namespace.annotations, f"namespace {namespace.name}")


def _of_pod(pod: Pod, volume: Volume) -> Iterator[Statement]:
    """The pod may also name volumes. Then it has spoken of all: those it does not name are skipped."""
    text = pod.metadata.annotations.get(BACKUP)
    if text is None:
        return
    where = f"{BACKUP} on the pod"
    action = _truth(text)
    if action is not None:
        yield Statement(where, action, repr(text))
        return
    names = {name.strip() for name in text.split(",")}
    known = {each.name for each in pod.spec.volumes}
    if not names & known:
        yield Statement(where, None, f"{text!r} is neither true nor false, and names no volume of the pod")
    elif volume.name in names:
        yield Statement(where, Action.BACKUP, f"{text!r} names this volume")
    else:
        yield Statement(where, Action.SKIP, f"{text!r} names other volumes")


def _switch(key: str, annotations: Mapping[str, str], what: str) -> Iterator[Statement]:
    text = annotations.get(key)
    if text is None:
        return
    action = _truth(text)
    said = repr(text) if action is not None else f"{text!r} is neither true nor false"
    yield Statement(f"{key} on {what}", action, said)


def _flag(key: str, action: Action, annotations: Mapping[str, str], what: str) -> Iterator[Statement]:
    """An annotation that only its truth gives a meaning."""
    text = annotations.get(key)
    if text is not None and _truth(text) is not Action.SKIP:
        understood = _truth(text) is Action.BACKUP
        said = repr(text) if understood else f"{text!r} is neither true nor false"
        yield Statement(f"{key} on {what}", action if understood else None, said)


def _truth(text: str) -> Action | None:
    return {"true": Action.BACKUP, "false": Action.SKIP}.get(text.strip().lower())
