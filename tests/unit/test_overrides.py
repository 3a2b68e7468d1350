"""What objects say for themselves: which annotations count, which beat which, and what is made of a slip."""

import pytest

from tests.unit.podmaker import make_pod
from velero_volume_controller.api.configuration import Action, Configuration
from velero_volume_controller.policy import PodDecision, decide
from velero_volume_controller.velero.model.claims import Claim, PersistentVolume
from velero_volume_controller.velero.model.namespaces import Namespace
from velero_volume_controller.velero.model.surroundings import Surroundings

BACKUP, FORK, FORK_EXCLUDE = (
    "vvc.velero.io/backup",
    "vvc.velero.io/backup-volume",
    "vvc.velero.io/backup-volume-exclude",
)
WATCHER = "backup.velero.io/backup-excluded"
NOTHING = Configuration(default=Action.SKIP)
EVERYTHING = Configuration(default=Action.BACKUP)


def decided(
    configuration: Configuration,
    *,
    pod: str | None = None,
    claim: dict[str, str] | None = None,
    volume: dict[str, str] | None = None,
    namespace: str | None = None,
    volumes: tuple[str, ...] = ("data",),
) -> PodDecision:
    """What becomes of a pod's PVCs; ``pod`` and ``namespace`` are the values of ``vvc.velero.io/backup``."""
    around = Surroundings(
        {"shop": Namespace(name="shop", annotations={} if namespace is None else {BACKUP: namespace})},
        {("shop", "claim"): Claim(name="claim", namespace="shop", volume="pv-1", annotations=claim or {})},
        {"pv-1": PersistentVolume(name="pv-1", annotations=volume or {})},
    )
    annotations = {} if pod is None else {BACKUP: pod}
    made = make_pod(volumes=dict.fromkeys(volumes, "pvc"), annotations=annotations)
    return decide(made, configuration, around)


@pytest.mark.parametrize("text", ["true", "TRUE", "yes", "1", "on", "please", " "])
def test_to_the_forks_annotations_everything_is_true(text: str) -> None:
    for claim, volume in (({FORK: text}, {}), ({}, {FORK: text})):
        assert decided(NOTHING, claim=claim, volume=volume).value == "data"
    for claim, volume in (({FORK_EXCLUDE: text}, {}), ({}, {FORK_EXCLUDE: text})):
        assert decided(EVERYTHING, claim=claim, volume=volume).value is None


@pytest.mark.parametrize("text", ["", "false", "False", "0", "no", "NO"])
def test_but_for_these(text: str) -> None:
    assert decided(NOTHING, claim={FORK: text}, volume={FORK: text}).value is None
    left = decided(EVERYTHING, claim={FORK_EXCLUDE: text})
    assert (left.value, left.misread) == ("data", ())


def test_of_the_forks_annotations_the_exclusion_wins() -> None:
    assert decided(NOTHING, claim={FORK: "yes"}, volume={FORK_EXCLUDE: "yes"}).value is None


def test_the_forks_annotations_under_another_name_count_for_nothing() -> None:
    assert decided(NOTHING, claim={"vvc.smoothify.com/backup-volume": "true"}).value is None


@pytest.mark.parametrize(
    ("text", "value", "misread"),
    [
        ("true", None, False),
        ("false", "data", False),
        ("", "data", True),
        ("True", "data", True),
        ("yes", "data", True),
    ],
)
def test_to_velero_pvc_watcher_only_true_is_true(text: str, value: str | None, misread: bool) -> None:
    found = decided(EVERYTHING, claim={WATCHER: text})
    assert (found.value, bool(found.misread)) == (value, misread)


LISTS = {
    "names of volumes are these and none of the others": ("data, wal", "data,wal", None),
    "a comma too many is none": ("data,", "data", None),
    "a name that is no volume leaves out nothing": (
        "wal,dataa", "data,wal,logs", "'wal,dataa': dataa is no volume of the pod",
    ),
    "nor do several": ("a,wal,b", "data,wal,logs", "'a,wal,b': a, b are no volumes of the pod"),
    "no volume's name at all decides nothing": (
        "dataa", "data,wal,logs", "'dataa' is neither true nor false, and names no volume of the pod",
    ),
    "nor does nothing": (
        "", "data,wal,logs", "'' is neither true nor false, and names no volume of the pod",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "value", "misread"), LISTS.values(), ids=LISTS.keys())
def test_a_list_on_a_pod_whose_rules_back_up_everything(text: str, value: str, misread: str | None) -> None:
    found = decided(EVERYTHING, pod=text, volumes=("data", "wal", "logs"))
    assert found.value == value
    assert [each.said for each in found.misread] == ([] if misread is None else [misread])


def test_what_a_list_with_a_slip_names_is_backed_up_and_the_namespace_decides_the_others() -> None:
    found = decided(EVERYTHING, pod="wal,dataa", namespace="false", volumes=("data", "wal"))
    assert found.value == "wal"
    data, wal = found.volumes
    assert (data.rule, wal.rule) == (f"{BACKUP} on namespace shop", f"{BACKUP} on the pod")


def test_a_slip_is_found_once_for_all_volumes_and_says_on_which_object() -> None:
    found = decided(NOTHING, claim={BACKUP: "flase"}, pod="x", namespace="y", volumes=("data", "wal")).misread
    assert [(each.key, each.object) for each in found] == [
        (BACKUP, "PersistentVolumeClaim shop/claim"),
        (BACKUP, "pod shop/web-0"),
        (BACKUP, "namespace shop"),
    ]
