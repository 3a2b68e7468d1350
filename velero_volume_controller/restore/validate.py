"""All that must be so before anything is touched. Pure: ``Facts -> problems``.

Each check yields what it finds; none hangs on another, so that everything is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from velero_volume_controller.restore import (
    validate_backups,
    validate_cluster,
    validate_velero,
    validate_webhooks,
)
from velero_volume_controller.restore.facts import Facts, Remark
from velero_volume_controller.restore.steps import Problem

Check = Callable[[Facts], Iterator[Problem | Remark]]

#: In the order in which a person would look.
CHECKS: Final[tuple[Check, ...]] = (
    validate_velero.running,
    validate_cluster.discovered,
    validate_backups.restorable,
    validate_backups.lasting,
    validate_backups.locations,
    validate_backups.whole_volumes,
    validate_velero.alone,
    validate_cluster.standing,
    validate_cluster.served,
    validate_cluster.classes,
    validate_cluster.quotas,
    validate_webhooks.webhooks,
    validate_velero.agents,
    validate_velero.one_at_a_time,
    validate_velero.undoable,
)


def validate(facts: Facts) -> list[Problem]:
    """What stands against the run; with any of them, nothing may be touched."""
    return [found for found in _found(facts) if isinstance(found, Problem)]


def remarks(facts: Facts) -> list[str]:
    """What should be known, and what could not be told."""
    return [found.message for found in _found(facts) if isinstance(found, Remark)]


def _found(facts: Facts) -> Iterator[Problem | Remark]:
    for check in CHECKS:
        yield from check(facts)
