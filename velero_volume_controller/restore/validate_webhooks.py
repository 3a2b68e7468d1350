"""Whether an admission webhook that does not answer would refuse what is made or deleted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from velero_volume_controller.restore import kinds
from velero_volume_controller.restore.admission import Hook
from velero_volume_controller.restore.facts import Facts, Remark
from velero_volume_controller.restore.planned import Planned
from velero_volume_controller.restore.run import few
from velero_volume_controller.restore.steps import Problem
from velero_volume_controller.velero.model.backup_contents import Key


def webhooks(facts: Facts) -> Iterator[Problem | Remark]:
    """No webhook with failurePolicy Fail stands in the way whose Service has no ready endpoint."""
    for hook in facts.served.hooks:
        if hook.service not in facts.served.unready:
            continue
        sure: set[Key] = set()
        perhaps: set[Key] = set()
        for operation, objects in (("CREATE", facts.coming), ("DELETE", facts.going)):
            for key, certain in _asked(facts, hook, operation, objects):
                (sure if certain else perhaps).add(key)
        which = f"the webhook {hook.name} of {hook.configuration}"
        service = f"Service {'/'.join(hook.service)}, which serves it, has no ready endpoint"
        if sure:
            yield Problem(
                "WebhookUnavailable",
                f"{which} would refuse {few(sorted(sure))}: {service}; bring it up, or set its failurePolicy"
                " to Ignore for as long",
            )
        elif perhaps:
            yield Remark(f"{which} may refuse {few(sorted(perhaps))}: {service}")


def _asked(
    facts: Facts, hook: Hook, operation: str, objects: Iterable[Planned]
) -> Iterator[tuple[Key, bool]]:
    """Objects that it is asked about, and whether that is certain."""
    for each in objects:
        here = facts.served.kinds.get(kinds.of(each.key))
        if here is None or each.by is not None or not hook.asked(operation, each.key, here.plural):
            continue
        namespace = facts.namespaces.get(each.key.namespace)
        about = hook.about(each.key, namespace.labels if namespace is not None else None)
        if about is not False:
            yield each.key, about is True
