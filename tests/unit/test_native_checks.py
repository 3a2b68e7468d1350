"""The native format: rules that contradict themselves or each other, and rules without effect."""

import pytest

from tests.unit.nativemaker import HEAD, document, namespaces, selector, volumes
from tests.unit.podmaker import SOURCES, make_pod
from velero_volume_controller.api.volume_types import TYPES_NEVER_TAKEN, VOLUME_TYPES
from velero_volume_controller.config import ConfigurationError, load_text
from velero_volume_controller.velero.model.surroundings import Surroundings
from velero_volume_controller.velero.model.volumes import ineligible_volume

R = "annotator.rules[0]"
L = f"{R}.pods.selector.matchLabels"
S = f"{R}.pods.selector.matchExpressions"


#: (text, line, key, what is said of it)
REFUSED: dict[str, tuple[str, int, str, str]] = {
    "two rules of one name": (
        document("rules:", "- {name: a, action: skip}", "- {name: a, action: backup}"),
        6,
        "annotator.rules[1].name",
        "rules[0] is called 'a' too",
    ),
    "a name included and excluded": (
        namespaces("{include: [a, b], exclude: [b]}"),
        6,
        f"{R}.namespaces.exclude[0]",
        "'b' is included as well",
    ),
    "every namespace excluded": (
        namespaces("{exclude: ['*']}"),
        6,
        f"{R}.namespaces.exclude[0]",
        "excludes every namespace",
    ),
    "all that is included excluded by a pattern": (
        namespaces("{include: [shop-tmp, 'shop-a-*'], exclude: [x, 'shop-*']}"),
        6,
        f"{R}.namespaces.exclude",
        "excludes all that is included, so the rule matches nothing. Correct one of the two.",
    ),
    "In and NotIn of one value": (
        selector("{key: a, operator: In, values: [b]}", "{key: a, operator: NotIn, values: [b]}"),
        6,
        f"{S}[1]",
        "contradicts what the selector says of label a before",
    ),
    "two Ins that share nothing": (
        selector("{key: a, operator: In, values: [b, c]}", "{key: a, operator: In, values: [d]}"),
        6,
        f"{S}[1]",
        "contradicts",
    ),
    "a label that is to be there and not": (
        selector("{key: a, operator: DoesNotExist}", labels="{a: b}"),
        6,
        f"{S}[0]",
        "contradicts",
    ),
    "Exists and DoesNotExist": (
        selector("{key: a, operator: Exists}", "{key: a, operator: DoesNotExist}"),
        6,
        f"{S}[1]",
        "contradicts",
    ),
    "types without a PVC, and conditions that only PVCs meet": (
        volumes("{types: [emptyDir, nfs], claims: [a], maxSize: 1Gi}"),
        6,
        f"{R}.volumes.types",
        "expected persistentVolumeClaim among the types, because claims, maxSize match nothing",
    ),
    "a least size above the greatest": (
        volumes("{minSize: 1Gi, maxSize: 1G}"),
        6,
        f"{R}.volumes.maxSize",
        "1G is less than minSize, 1Gi",
    ),
}


@pytest.mark.parametrize(("text", "line", "key", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_used_is_refused_with_its_line_and_key(
    text: str, line: int, key: str, what: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_text(text, "vvc.yaml")
    (problem,) = caught.value.problems
    assert problem.startswith(f"vvc.yaml:{line}: " + (f"key {key}: " if key else ""))
    assert what in problem
    assert "\n" not in problem


ALLOWED: dict[str, str] = {
    "a label that is absent meets NotIn": selector(
        "{key: a, operator: DoesNotExist}", "{key: a, operator: NotIn, values: [b]}"
    ),
    "Ins that share a value": selector(
        "{key: a, operator: In, values: [b, c]}", "{key: a, operator: In, values: [c, d]}"
    ),
    "a NotIn that leaves a value": selector(
        "{key: a, operator: In, values: [b, c]}", "{key: a, operator: NotIn, values: [c]}"
    ),
    "conditions that only PVCs meet beside a type that has one": volumes(
        "{types: [emptyDir, persistentVolumeClaim], claims: [a]}"
    ),
    "equal sizes": volumes("{minSize: 1Gi, maxSize: 1024Mi}"),
    "an exclude within an include": namespaces("{include: ['shop-*'], exclude: [shop-a]}"),
    "an exclude of some that are included": namespaces("{include: [shop-tmp, bank], exclude: ['shop-*']}"),
    "a rule behind one that takes less": document(
        "rules:",
        "- {name: a, action: skip, namespaces: {include: ['*'], exclude: [x]}}",
        "- {name: b, action: skip, volumes: {claims: ['*']}}",
        "- {name: c, action: backup, namespaces: {include: [x]}}",
    ),
}


@pytest.mark.parametrize("text", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_something_can_meet_is_no_contradiction(text: str) -> None:
    assert load_text(text, "f").warnings == ()


WARNED: dict[str, tuple[str, str]] = {
    "a rule behind one without conditions": (
        document(
            "rules:", "- {name: all, action: backup}", "- {name: b, action: backup, pods: {excludeJobs: [a]}}"
        ),
        "f:6: key annotator.rules[1]: rule b is never reached: rule all before it takes the same.",
    ),
    "a rule behind one that every name meets": (
        document(
            "rules:",
            "- {name: all, action: skip, namespaces: {include: [a, '*']}, volumes: {names: ['**']}}",
            "- {name: b, action: backup, namespaces: {include: [x]}}",
        ),
        "f:6: key annotator.rules[1]: rule b is never reached: rule all before it takes the same.",
    ),
    "a rule with the conditions of one before in another order": (
        document(
            "rules:",
            "- {name: a, action: skip, volumes: {names: [wal, data], claimSelector: {matchExpressions: "
            "[{key: k, operator: In, values: [x, y]}, {key: l, operator: Exists}]}}}",
            "- {name: b, action: backup, volumes: {names: [data, wal, data], claimSelector: "
            "{matchExpressions: [{key: l, operator: Exists}, {key: k, operator: In, values: [y, x]}]}}}",
        ),
        "f:6: key annotator.rules[1]: rule b is never reached: rule a before it takes the same.",
    ),
    "a rule with the conditions of one before": (
        document(
            "rules:",
            "- {name: a, action: skip, namespaces: {include: [x]}}",
            "- {name: b, action: backup, namespaces: {include: [x]}}",
        ),
        "f:6: key annotator.rules[1]: rule b is never reached: rule a before it takes the same.",
    ),
    "a backup of what Velero never takes": (
        volumes("{types: [secret, hostPath]}"),
        "f:6: key annotator.rules[0].volumes.types: Velero never takes secret, hostPath by file-system "
        "backup, so rule r backs nothing up.",
    ),
    "nothing that is backed up": (
        document("mode: opt-out", "rules:", "- {name: a, action: skip, namespaces: {include: [x]}}"),
        "f:3: key annotator: no rule says backup and the default is skip, so only volumes whose objects "
        "say so themselves are backed up.",
    ),
    "no rules": (
        HEAD,
        "f:1: key annotator: no rule says backup and the default is skip, so only volumes whose objects "
        "say so themselves are backed up.",
    ),
    "a second document": (
        document("default: backup") + "---\na: b\n",
        "f: holds more than one YAML document; only the first is read. Remove the others.",
    ),
}


@pytest.mark.parametrize(("text", "warning"), WARNED.values(), ids=WARNED.keys())
def test_what_has_no_effect_is_warned_of(text: str, warning: str) -> None:
    assert load_text(text, "f").warnings == (warning,)


def test_a_skip_of_what_velero_never_takes_is_no_mistake() -> None:
    text = document("default: backup", "rules:", "- {name: r, action: skip, volumes: {types: [secret]}}")
    assert load_text(text, "f").warnings == ()


@pytest.mark.parametrize("word", [word for word in SOURCES if word != "pvc"])
def test_the_types_that_are_warned_of_are_those_that_the_engine_never_backs_up(word: str) -> None:
    assert word in VOLUME_TYPES
    pod = make_pod(volumes={"data": word})
    never = ineligible_volume(pod, pod.spec.volumes[0], Surroundings()) is not None
    assert (word in TYPES_NEVER_TAKEN) is never
