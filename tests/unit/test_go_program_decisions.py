"""Legacy mode against what the Go program did: eighteen configurations, each with 36 pods.

The annotations were recorded from the Go program running against a real API server.
The second recording is of the program rebuilt from its source with client-go 0.18,
after it had given the first one again. It adds volumes of many types, several
owners, pods that are terminating, mirrored or on no node, and odder names and patterns.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from velero_volume_controller.annotate.plan import plan
from velero_volume_controller.api.configuration import Ownership
from velero_volume_controller.config import ConfigurationError, load_text
from velero_volume_controller.policy import decide
from velero_volume_controller.velero.model.annotations import BACKUP_VOLUMES
from velero_volume_controller.velero.model.pods import decode

DATA = Path(__file__).parent / "data"
RECORDED: list[dict[str, Any]] = [
    record
    for name in ("go-program-decisions.json", "go-program-decisions-more.json")
    for record in json.loads((DATA / name).read_text())
]
RAN = [record for record in RECORDED if record["exit"] is None]
REFUSED = [record for record in RECORDED if record["exit"] is not None]


def _title(record: dict[str, Any]) -> str:
    """The keys that the configuration sets, without the Lease's."""
    lines = [line.strip() for line in record["config"].splitlines()]
    return " ".join(line for line in lines if line[-1] != ":" and "Lock" not in line) or "nothing is set"


def test_the_recordings_hold_configurations_that_ran_and_some_that_were_refused() -> None:
    assert (len(RAN), len(REFUSED)) == (16, 2)
    assert all(len(record["pods"]) == 36 for record in RECORDED)


@pytest.mark.parametrize("record", RAN, ids=_title)
def test_legacy_mode_leaves_every_pod_as_the_go_program_left_it(record: dict[str, Any]) -> None:
    configuration = load_text(record["config"], "config.yml", Ownership.LEGACY).configuration
    left = {}
    for raw in record["pods"]:
        pod = decode(json.dumps(raw).encode())
        before = (raw["metadata"].get("annotations") or {}).get(BACKUP_VOLUMES)
        patch = plan(pod, decide(pod, configuration), configuration).annotations
        assert set(patch) <= {BACKUP_VOLUMES}, "legacy mode writes one annotation only"
        left[f"{pod.metadata.namespace}/{pod.metadata.name}"] = patch.get(BACKUP_VOLUMES, before)
    assert left == record["annotations"]


@pytest.mark.parametrize("record", REFUSED, ids=_title)
def test_what_the_go_program_refuses_is_refused(record: dict[str, Any]) -> None:
    both = r"expected either include(Namespace|VolumeType)s or exclude\1s"
    with pytest.raises(ConfigurationError, match=both):
        load_text(record["config"], "config.yml", Ownership.LEGACY)
