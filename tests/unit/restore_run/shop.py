"""A shop with a web server, a database, a nightly job, and what else lies about; backed up, then damaged."""

from __future__ import annotations

from tests.unit.restore.makers import key
from tests.unit.restore_run.drive import Drive
from tests.unit.restore_run.kubernetesmodel import Kubernetes
from tests.unit.restore_run.restoremodel import Velero
from velero_volume_controller.restore import kinds
from velero_volume_controller.velero.model.backup_contents import Key


def shop(*, retained: frozenset[str] = frozenset()) -> Kubernetes:
    """It has run for some seconds."""
    cluster = Kubernetes(retained=retained, mounted={"web": ("assets",)})
    cluster.make("Namespace", "shop", "")
    cluster.make("Namespace", "other", "")
    cluster.make("PersistentVolumeClaim", "assets")
    cluster.make("ConfigMap", "settings")
    cluster.make("Secret", "password")
    cluster.make("Deployment", "web", replicas=2)
    cluster.make("StatefulSet", "db", replicas=2)
    cluster.make("CronJob", "nightly", suspended=False)
    cluster.make("ConfigMap", "kept", protected=True)
    cluster.make("Deployment", "elsewhere", "other", replicas=1)
    for _ in range(6):
        cluster.tick()
    return cluster


def damaged(**more: object) -> Drive:
    """The shop was backed up; then something was lost, something overwritten, something added."""
    cluster = shop(**{name: more.pop(name) for name in ("retained",) if name in more})  # type: ignore[arg-type]
    velero = Velero(cluster)
    velero.take("b1", "shop")
    for name, value in more.items():
        setattr(velero, name, value)
    cluster.begin(cluster.objects[key("ConfigMap settings")])
    cluster.change(key("Secret password"), spec=True)
    cluster.make("ConfigMap", "added")
    for _ in range(6):
        cluster.tick()
    return Drive(cluster, velero)


def came_back(drive: Drive) -> None:
    """All that the Backup holds is there, with its data; all else is as it was."""
    held, objects = drive.velero.held["b1"], drive.cluster.objects
    for each in held.objects.values():
        if (
            not each.ended
            and not (each.controller and each.controller.kind == "Job")
            and each.key.kind != "Job"
        ):
            assert each.key in objects, f"{each.key} did not come back"
            assert not objects[each.key].terminating, f"{each.key} goes away again"
            if each.replicas is not None:
                assert objects[each.key].replicas == each.replicas, f"{each.key} is not as it was"
            assert not objects[each.key].quiesced, f"{each.key} bears a note"
    for (namespace, name), (value, _, _) in held.data.items():
        claim = objects[Key(*kinds.CLAIM, namespace, name)]
        assert drive.velero.written.get(claim.uid) == value, f"{claim.key} did not get its data"


def untouched(drive: Drive, before: dict[Key, str], goes: tuple[str, ...] = ()) -> None:
    """What no plan names is there still, as the same object. ``before``: uids at the begin."""
    for name in {"ConfigMap added", "ConfigMap kept", "Deployment other/elsewhere", "Namespace shop"} - set(
        goes
    ):
        found = drive.cluster.objects.get(key(name))
        assert found is not None, f"{name} is gone"
        assert found.uid == before[key(name)], f"{name} is another one"


def put_back(drive: Drive) -> None:
    """Nothing is stilled any more."""
    for each in drive.cluster.objects.values():
        assert not each.quiesced, f"{each.key} bears a note"
    for name, replicas in (("Deployment web", 2), ("StatefulSet db", 2)):
        assert drive.cluster.objects[key(name)].replicas == replicas, f"{name} was not put back"
    assert drive.cluster.objects[key("CronJob nightly")].suspended is False, (
        "CronJob nightly was not put back"
    )
