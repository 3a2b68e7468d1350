"""A run among random faults: nothing is deleted that no plan names, and it ends with a word.

That each deletion was approved, validated, undoable and of what the plan saw is asserted by the drive itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.unit.restore.makers import key
from tests.unit.restore_run.drive import Drive, Said
from tests.unit.restore_run.kubernetesmodel import Kubernetes
from tests.unit.restore_run.runmaker import P, make_spec
from tests.unit.restore_run.shop import damaged, put_back
from velero_volume_controller.api.conditions import find
from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.live import Live
from velero_volume_controller.restore.run import COMPLETE, PROGRESSING
from velero_volume_controller.velero.model.backup_contents import Key

NAMES = (
    "Secret password",
    "ConfigMap settings",
    "Deployment web",
    "StatefulSet db",
    "CronJob nightly",
    "PersistentVolumeClaim assets",
    "PersistentVolumeClaim data-db-0",
    "Pod db-0",
)
HELD = "example.com/hold"


def _hold(cluster: Kubernetes, live: Live) -> None:
    cluster.change(live.key, finalizers=(*live.finalizers, HELD))


def _let_go(cluster: Kubernetes, live: Live) -> None:
    cluster.change(live.key, finalizers=tuple(each for each in live.finalizers if each != HELD))


def _scale(cluster: Kubernetes, live: Live) -> None:
    if live.replicas is not None:
        cluster.change(live.key, spec=True, replicas=3)


def _delete(cluster: Kubernetes, live: Live) -> None:
    if not live.terminating:
        cluster.begin(live, foreground=True)


#: What others do to an object that is there.
TO_AN_OBJECT: dict[str, Callable[[Kubernetes, Live], object]] = {
    "change": lambda cluster, live: cluster.change(live.key, spec=True),
    "protect": lambda cluster, live: cluster.change(live.key, protected=True),
    "hold": _hold,
    "let go": _let_go,
    "scale": _scale,
    "delete": _delete,
}


def _cancel(drive: Drive, at: Key) -> None:
    del at
    drive.cancel()


def _resume(drive: Drive, at: Key) -> None:
    del at
    drive.resume = f"{drive.resume}+"


def _lose_a_restore(drive: Drive, at: Key) -> None:
    del at
    if drive.velero.making:
        name = next(reversed(drive.velero.making))
        if not drive.velero.making[name].seen.ended:
            del drive.velero.making[name]


def _make_again(drive: Drive, at: Key) -> None:
    if at not in drive.cluster.objects:
        more = {"replicas": 1} if at.kind in {"Deployment", "StatefulSet"} else {}
        drive.cluster.make(at.kind, at.name, at.namespace, **more)


def _make_a_claim_that_hangs_on(drive: Drive, at: Key) -> None:
    of = drive.cluster.objects.get(at)
    name = f"new-{drive.cluster.now:.0f}"
    if of is not None and Key(*kinds.CLAIM, "shop", name) not in drive.cluster.objects:
        drive.cluster.make("PersistentVolumeClaim", name, of=of)


#: And what else they do.
ELSE: dict[str, Callable[[Drive, Key], None]] = {
    "cancel": _cancel,
    "resume": _resume,
    "lose a Restore": _lose_a_restore,
    "make again": _make_again,
    "new claim": _make_a_claim_that_hangs_on,
}


@dataclass
class Others:
    """They do one thing after the other, each at its step; once the run has ended, at once."""

    what: list[tuple[int, str, str]]

    def __call__(self, drive: Drive) -> None:
        while self.what and (self.what[0][0] <= drive.steps or drive.ended()):
            _, how, name = self.what.pop(0)
            live = drive.cluster.objects.get(key(name))
            if how in ELSE:
                ELSE[how](drive, key(name))
            elif live is not None:
                TO_AN_OBJECT[how](drive.cluster, live)


def _ended_with_a_word(drive: Drive) -> None:
    status = drive.status
    assert status.phase is not None
    complete, progressing = find(status.conditions, COMPLETE), find(status.conditions, PROGRESSING)
    assert complete is not None
    assert complete.reason not in {"", "Running"}
    assert complete.message
    assert progressing is not None
    assert progressing.status == "False"
    assert status.unwinding is None
    assert (complete.status == "True") is (status.phase is P.COMPLETED)
    assert all(each.ended for each in status.steps)


def _nothing_else_is_gone(drive: Drive, before: dict[Key, str]) -> None:
    for name in ("ConfigMap added", "ConfigMap kept", "Deployment other/elsewhere", "Namespace shop"):
        found = drive.cluster.objects.get(key(name))
        assert found is not None, f"{name} is gone"
        assert found.uid == before[key(name)]


def _whole(drive: Drive) -> None:
    """Completed means that each claim that is there has its data, whatever was in the way."""
    held, objects = drive.velero.held["b1"], drive.cluster.objects
    for (namespace, name), (value, _, _) in held.data.items():
        claim = objects[Key(*kinds.CLAIM, namespace, name)]
        assert drive.velero.written.get(claim.uid) == value, f"{claim.key} did not get its data"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_happens_it_ends_with_a_word_and_nothing_else_is_gone(data: st.DataObject) -> None:
    whats = st.tuples(st.integers(0, 40), st.sampled_from([*TO_AN_OBJECT, *ELSE]), st.sampled_from(NAMES))
    others = Others(sorted(data.draw(st.lists(whats, max_size=5))))
    note(str(others.what))
    restarts = data.draw(st.dictionaries(st.integers(0, 3), st.integers(0, 14), max_size=3))
    drive = damaged(restarts=restarts, zombie=data.draw(st.integers(0, 4)))
    drive.spec = make_spec(
        undo=data.draw(st.sampled_from(["required", "required", "bestEffort", "none"])),
        extras="keep",
        timeouts={"clear": "60s"},
        verify={"podsReady": "30s"},
    )
    drive.cluster.period = data.draw(st.sampled_from([4.0, 25.0, 999.0]))
    drive.cluster.operator = data.draw(st.sampled_from(["", "", "", "db"]))
    late = data.draw(st.integers(0, 4))

    def old(history: list[Said]) -> Said:
        return history[max(0, len(history) - 1 - late)]

    drive.show = old
    drive.meddle = others
    before = {key: each.uid for key, each in drive.cluster.objects.items()}
    cut = (data.draw(st.integers(0, 50)), data.draw(st.sampled_from(["both", "nothing", "status", "some"])))
    for _ in range(400):
        # It may have been told only now to plan again.
        told = find(drive.status.conditions, PROGRESSING)
        stuck = drive.status.phase is P.PLANNING and told is not None and told.status == "False"
        if drive.over() or (stuck and drive.steps > 60 and not others.what):
            break
        drive.once(cut[1] if cut[0] == drive.steps else "both")
    note(f"{drive.status}\n{drive.cluster.log}")
    _nothing_else_is_gone(drive, before)
    if drive.status.phase is P.PLANNING:
        progressing = find(drive.status.conditions, PROGRESSING)
        assert progressing is not None
        assert progressing.status == "False", "it plans without end, and does not say why"
        return
    assert drive.over(), "it never ends"
    _ended_with_a_word(drive)
    if drive.status.phase is P.CANCELLED and not drive.status.deleted:
        assert not drive.cluster.log
        for each in drive.cluster.objects.values():
            assert not each.quiesced, f"{each.key} was not put back"
    if drive.status.phase is P.COMPLETED:
        _whole(drive)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 30), st.sampled_from([4.0, 25.0]))
def test_cancelled_at_any_moment_all_is_as_it_was_or_all_comes_back(step: int, period: float) -> None:
    drive = damaged()
    drive.cluster.period = period
    drive.meddle = lambda drive: drive.cancel() if drive.steps == step else None
    drive.to_the_end()
    if drive.status.phase is P.CANCELLED:
        assert not drive.cluster.log, "something was deleted"
        put_back(drive)
    else:
        assert drive.status.phase is P.COMPLETED
