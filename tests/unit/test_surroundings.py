"""Which pods use what has changed."""

import pytest

from tests.unit.podmaker import make_pod
from velero_volume_controller.annotate.surroundings import Changes, users
from velero_volume_controller.kube.watches import Key
from velero_volume_controller.velero.model.claims import Claim
from velero_volume_controller.velero.model.surroundings import Surroundings

BOUND = Surroundings(claims={("shop", "claim"): Claim(name="claim", namespace="shop", volume="pv-1")})

CASES = {
    "its claim": (Changes(claims={("shop", "claim")}), True),
    "a claim of another name": (Changes(claims={("shop", "other")}), False),
    "a claim of that name in another namespace": (Changes(claims={("bank", "claim")}), False),
    "its namespace": (Changes(namespaces={"shop"}), True),
    "another namespace": (Changes(namespaces={"bank"}), False),
    "the volume that its claim is bound to": (Changes(persistent_volumes={"pv-1"}), True),
    "another volume": (Changes(persistent_volumes={"pv-2"}), False),
    "nothing": (Changes(), False),
}


@pytest.mark.parametrize(("changes", "affected"), CASES.values(), ids=CASES.keys())
def test_a_pod_is_decided_again_when_this_has_changed(changes: Changes, affected: bool) -> None:
    pod = make_pod(volumes={"cache": "emptyDir", "data": "pvc", "wal": "pvc"})
    assert list(users([pod], changes, BOUND)) == ([Key("shop", "web-0")] if affected else [])


def test_a_volume_means_nothing_where_claims_may_not_be_read() -> None:
    assert list(users([make_pod()], Changes(persistent_volumes={"pv-1"}), Surroundings())) == []


def test_what_was_taken_is_not_there_again() -> None:
    changes = Changes(namespaces={"shop"})
    changes.any.set()
    assert changes.take().namespaces == {"shop"}
    assert changes.take().namespaces == set()
    assert not changes.any.is_set()
