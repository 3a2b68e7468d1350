"""Names of Backups, and what they bear."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.backup.setmaker import IDENTITY, creates, make_backup, make_plan, make_situation, make_spec
from velero_volume_controller.api.owned_names import label_value
from velero_volume_controller.backup import naming
from velero_volume_controller.backup.machine import step
from velero_volume_controller.backup.naming import backup_labels, backup_name, ours
from velero_volume_controller.backup.steps import SetIdentity
from velero_volume_controller.velero.model.backups import spec_hash

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,80}[a-z0-9])?", fullmatch=True)
SHARDS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)


def test_a_name_says_which_set_which_shard_and_which_attempt() -> None:
    assert backup_name(IDENTITY, "shop", 2) == "nightly-0f3c9d12-shop-2"


@given(NAMES, st.uuids(), SHARDS, st.integers(1, 99))
def test_every_name_is_one_that_a_backup_and_a_label_can_have(set_name, uid, shard, attempt) -> None:  # type: ignore[no-untyped-def]
    name = backup_name(SetIdentity("velero", set_name, str(uid), 1), shard, attempt)

    assert len(name) <= 63
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name), name
    assert name.endswith(f"-{attempt}"), name


@given(
    st.uuids(), st.lists(st.tuples(SHARDS, st.integers(1, 20)), unique=True, min_size=2), st.integers(1, 80)
)
def test_no_two_attempts_share_a_name_however_long_the_names_are(uid, attempts, length) -> None:  # type: ignore[no-untyped-def]
    owner = SetIdentity("velero", "s" * length, str(uid), 1)

    names = [backup_name(owner, shard, attempt) for shard, attempt in attempts]

    assert len(set(names)) == len(attempts)


def test_a_set_made_again_under_its_old_name_has_other_backups() -> None:
    again = SetIdentity("velero", "nightly", "11111111-aaaa-bbbb-cccc-1234567890ab", 1)

    assert backup_name(again, "shop", 1) != backup_name(IDENTITY, "shop", 1)


def test_a_uid_that_is_none_of_the_api_servers_makes_a_name_all_the_same() -> None:
    name = backup_name(SetIdentity("velero", "nightly", "Some_Thing/else", 1), "shop", 1)

    assert re.fullmatch(r"nightly-[0-9a-f]{8}-shop-1", name), name


def test_long_names_of_two_sets_differ_though_their_beginnings_do_not() -> None:
    long = "a-very-long-name-of-a-set-that-goes-on-and-on-and-on-and-on-"
    one = SetIdentity("velero", long + "1", IDENTITY.uid, 1)
    two = SetIdentity("velero", long + "2", IDENTITY.uid, 1)

    assert backup_name(one, "shop", 1) != backup_name(two, "shop", 1)


@given(st.text(string.ascii_letters + string.digits + "-._", min_size=1, max_size=253))
def test_a_labels_value_is_at_most_63_characters_and_the_text_itself_where_that_fits(text: str) -> None:
    value = label_value(text)

    assert len(value) <= 63
    assert value == text or len(text) > 63
    assert label_value(text + "x") != value


def test_every_backup_bears_what_the_set_can_be_made_anew_from() -> None:
    spec = make_spec(selection={"namespaces": {"include": ["shop-*"]}}, template={"ttl": "720h"})
    found = creates(step(make_situation(spec=spec, planned=make_plan({"a": ["a"]}))))[0]

    assert found.labels == {
        "vvc.velero.io/backup-set": "nightly",
        "vvc.velero.io/backup-set-uid": IDENTITY.uid,
        "vvc.velero.io/shard": "a",
        "vvc.velero.io/attempt": "1",
    }
    assert found.annotations["vvc.velero.io/backup-set-name"] == "nightly"
    assert found.annotations["vvc.velero.io/backup-set-namespace"] == "velero"
    assert found.annotations["vvc.velero.io/shards"] == "1"
    assert found.annotations["vvc.velero.io/plan"] == "abc123"
    assert found.annotations["vvc.velero.io/lane"] == "velero"
    assert found.annotations["vvc.velero.io/spec"] == spec_hash(dict(found.spec))
    assert '"shop-*"' in found.annotations["vvc.velero.io/backup-set-spec"]


def test_a_spec_too_large_for_an_annotation_is_left_out() -> None:
    spec = make_spec(template={"hooks": {"resources": ["x" * 70_000]}})
    found = creates(step(make_situation(spec=spec, planned=make_plan({"a": ["a"]}))))[0]

    assert naming.SET_SPEC not in found.annotations


def test_a_backup_is_ours_only_with_set_shard_and_attempt() -> None:
    found = make_backup(creates(step(make_situation(planned=make_plan({"a": ["a"]}))))[0])

    assert ours(found, IDENTITY, "a", 1)
    assert not ours(found, IDENTITY, "a", 2)
    assert not ours(found, IDENTITY, "b", 1)
    assert not ours(found, SetIdentity("velero", "nightly", "another", 1), "a", 1)
    assert backup_labels(IDENTITY, "a", 1)[naming.SET_UID] == IDENTITY.uid
