"""What imported sets are called, and which are there already."""

import msgspec

from velero_volume_controller.api.backupset import BackupSetSpec, BackupSetStatus, PlanSummary
from velero_volume_controller.backup.importing import named
from velero_volume_controller.backup.objects import BackupSet
from velero_volume_controller.backup.rebuild import Rebuilt

UID = "0f3c9d12-aaaa-bbbb-cccc-1234567890ab"


def rebuilt(name: str = "nightly", uid: str = UID) -> Rebuilt:
    return Rebuilt("velero", name, uid, BackupSetSpec(), BackupSetStatus())


def there(name: str = "nightly", uid: str = "new", owner: str = "") -> BackupSet:
    status = BackupSetStatus(plan=PlanSummary(hash="h", owner=owner)) if owner else BackupSetStatus()
    return msgspec.convert({"name": name, "namespace": "velero", "uid": uid, "status": status}, BackupSet)


def test_a_set_gets_its_old_name() -> None:
    (only,) = named([rebuilt()], [there("other")])
    assert (only.name, only.present) == ("nightly", "")


def test_the_set_itself_is_there_already() -> None:
    (only,) = named([rebuilt()], [there(uid=UID)])
    assert only.present == "nightly"


def test_a_set_that_was_imported_before_is_known_by_the_uid_that_its_backups_bear() -> None:
    (only,) = named([rebuilt()], [there("nightly-2", owner=UID)])
    assert only.present == "nightly-2"


def test_another_set_of_the_same_name_keeps_it() -> None:
    (only,) = named([rebuilt()], [there()])
    assert (only.name, only.present) == ("nightly-0f3c9d12", "")


def test_two_old_sets_of_one_name_both_get_one() -> None:
    first, second = named([rebuilt(), rebuilt(uid="1" * 36)], [])
    assert [first.name, second.name] == ["nightly", "nightly-11111111"]


def test_no_name_gets_too_long() -> None:
    long = "a" * 63
    (only,) = named([rebuilt(long)], [there(long)])
    assert only.name == "a" * 54 + "-0f3c9d12"
