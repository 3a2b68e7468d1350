"""What objects say for themselves, in their annotations. It beats the rules.

The claim is asked first (and the volume it is bound to), then the pod, then the
namespace; the first that says something decides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from velero_volume_controller.api.configuration import Action
from velero_volume_controller.velero.model.annotations import (
    BACKUP,
    FORK_BACKUP,
    FORK_EXCLUDE,
    WATCHER_EXCLUDED,
)
from velero_volume_controller.velero.model.claims import Claim, PersistentVolume
from velero_volume_controller.velero.model.pods import Pod, Volume
from velero_volume_controller.velero.model.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Statement:
    """An annotation that was found: which, on what, what it says; ``action`` None: it can't be understood.

    ``on`` is the object as its pod would call it, ``object`` as the cluster would.
    """

    key: str
    on: str
    object: str
    action: Action | None
    said: str

    @property
    def where(self) -> str:
        """Which annotation, and on what."""
        return f"{self.key} on {self.on}"


def statements(pod: Pod, volume: Volume, surroundings: Surroundings) -> Iterator[Statement]:
    """What was found about one volume, the strongest first."""
    claim = surroundings.claim(pod, volume)
    if claim is not None:
        yield from _of_claim(claim, surroundings.persistent_volume(claim))
    yield from _of_pod(pod, volume)
    namespace = surroundings.namespace(pod)
    if namespace is not None:
        what = f"namespace {namespace.name}"
        yield from _switch(namespace.annotations, what, what)


def _of_claim(claim: Claim, bound: PersistentVolume | None) -> Iterator[Statement]:
    """The claim's own word, then the forks', then velero-pvc-watcher's."""
    on, of_claim = (
        f"PersistentVolumeClaim {claim.name}",
        f"PersistentVolumeClaim {claim.namespace}/{claim.name}",
    )
    yield from _switch(claim.annotations, on, of_claim)
    # As the forks do, an exclusion on either beats an inclusion on either.
    for key, action in ((FORK_EXCLUDE, Action.SKIP), (FORK_BACKUP, Action.BACKUP)):
        if _forks_truth(claim.annotations.get(key)):
            yield Statement(key, on, of_claim, action, repr(claim.annotations[key]))
        if bound is not None and _forks_truth(bound.annotations.get(key)):
            what = f"PersistentVolume {bound.name}"
            yield Statement(key, what, what, action, repr(bound.annotations[key]))
    text = claim.annotations.get(WATCHER_EXCLUDED)
    if text == "true":
        yield Statement(WATCHER_EXCLUDED, on, of_claim, Action.SKIP, repr(text))
    elif text is not None and _truth(text) is not Action.SKIP:
        yield Statement(WATCHER_EXCLUDED, on, of_claim, None, f"{text!r} is not 'true'")


def _of_pod(pod: Pod, volume: Volume) -> Iterator[Statement]:
    """The pod may also name volumes. Then it has spoken of all: those it does not name are skipped.

    Unless it names one that it does not have: that may be a slip for any of the others.
    """
    text = pod.metadata.annotations.get(BACKUP)
    if text is None:
        return
    state = partial(Statement, BACKUP, "the pod", f"pod {pod.metadata.namespace}/{pod.metadata.name}")
    action = _truth(text)
    if action is not None:
        yield state(action, repr(text))
        return
    names = dict.fromkeys(name.strip() for name in text.split(",") if name.strip())
    known = {each.name for each in pod.spec.volumes}
    strays = [name for name in names if name not in known]
    if len(strays) == len(names):
        yield state(None, f"{text!r} is neither true nor false, and names no volume of the pod")
        return
    if strays:
        no_volume = "are no volumes" if len(strays) > 1 else "is no volume"
        yield state(None, f"{text!r}: {', '.join(strays)} {no_volume} of the pod")
    if volume.name in names:
        yield state(Action.BACKUP, f"{text!r} names this volume")
    elif not strays:
        yield state(Action.SKIP, f"{text!r} names other volumes")


def _switch(annotations: Mapping[str, str], on: str, what: str) -> Iterator[Statement]:
    text = annotations.get(BACKUP)
    if text is None:
        return
    action = _truth(text)
    said = repr(text) if action is not None else f"{text!r} is neither true nor false"
    yield Statement(BACKUP, on, what, action, said)


def _truth(text: str) -> Action | None:
    return {"true": Action.BACKUP, "false": Action.SKIP}.get(text.strip().lower())


def _forks_truth(text: str | None) -> bool:
    """As the fork of smoothify reads it (pkg/helpers/truthy.go): all but these is true."""
    return text is not None and text.lower() not in {"", "false", "0", "no"}
