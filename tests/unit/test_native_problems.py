"""The native format: what is refused and what is warned of, and where."""

import pytest

from tests.unit.nativemaker import HEAD, document, namespaces, one_rule, selector, volumes
from velero_volume_controller.config import ConfigurationError, load_text

R = "annotator.rules[0]"
L = f"{R}.pods.selector.matchLabels"
S = f"{R}.pods.selector.matchExpressions"


BOMB = (
    HEAD
    + "metadata:\n  a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"  {key}: &{key} [{', '.join(['*' + before] * 9)}]\n"
        for before, key in zip("abcdefgh", "bcdefghi", strict=True)
    )
)

#: (text, line, key, what is said of it)
REFUSED: dict[str, tuple[str, int, str, str]] = {
    "another version of the format": (
        HEAD.replace("v1alpha1", "v2"),
        1,
        "apiVersion",
        "expected vvc.velero.io/v1alpha1, found 'vvc.velero.io/v2'",
    ),
    "another kind of this group": (
        HEAD.replace("ControllerConfig", "Config"),
        2,
        "kind",
        "expected ControllerConfig, found 'Config'",
    ),
    "no version": ("kind: ControllerConfig\n", 1, "", "lacks the key apiVersion"),
    "rules without a head": ("annotator: {}\n", 1, "", "lacks the keys apiVersion and kind"),
    "an unknown key": (document("modus: opt-in"), 4, "annotator.modus", "is unknown. Did you mean mode?"),
    "an unknown key that resembles none": (
        document("zzz: 1"),
        4,
        "annotator.zzz",
        "Known keys: mode, ownership, default, adopt, rules",
    ),
    "a key in the wrong place": (
        one_rule("storageClasses: [a]"),
        6,
        f"{R}.storageClasses",
        "The key storageClasses belongs in volumes",
    ),
    "a key that resembles one here and belongs elsewhere": (
        volumes("{name: [data]}"),
        6,
        f"{R}.volumes.name",
        "is unknown. Did you mean names? The key name belongs in rules.",
    ),
    "a key that resembles one here that is set already": (
        one_rule("names: [data]"),
        6,
        f"{R}.names",
        "is unknown. The key names belongs in volumes.",
    ),
    "a key of selectors": (
        one_rule("matchLabels: {a: b}"),
        6,
        f"{R}.matchLabels",
        "The key matchLabels belongs in selector or claimSelector.",
    ),
    "a key with two right places": (
        one_rule("selector: {}"),
        6,
        f"{R}.selector",
        "belongs in namespaces or pods",
    ),
    "a section of the nine keys": (
        HEAD + "veleroVolumeCfg: {}\n",
        3,
        "veleroVolumeCfg",
        "the format of the nine keys; vvc config convert",
    ),
    "a key set twice": (
        document("mode: opt-in", "mode: opt-out"),
        5,
        "annotator.mode",
        "is set twice (first on line 4)",
    ),
    "an empty key": (document("mode:"), 4, "annotator.mode", "is empty"),
    "a mode that does not exist": (
        document("mode: optout"),
        4,
        "annotator.mode",
        "expected opt-in or opt-out, found 'optout'. Did you mean opt-out?",
    ),
    "a mode that is a list": (
        document("mode: [opt-in]"),
        4,
        "annotator.mode",
        "expected opt-in or opt-out, found a list",
    ),
    "yes for true": (document("adopt: yes"), 4, "annotator.adopt", "expected true or false, found 'yes'"),
    "true in quotes": (
        document("adopt: 'true'"),
        4,
        "annotator.adopt",
        "expected true or false, found 'true' in quotes. Remove the quotes.",
    ),
    "rules as a map": (document("rules: {a: b}"), 4, "annotator.rules", "expected a list, found a map"),
    "a rule that is text": (
        document("rules:", "- all"),
        5,
        R,
        "expected keys below it, found 'all'. Known keys: name",
    ),
    "a rule without a name": (document("rules:", "- {action: skip}"), 5, R, "lacks the key name"),
    "a rule without an action": (document("rules:", "- {name: a}"), 5, R, "lacks the key action"),
    "an action that does not exist": (
        one_rule(action="bakcup"),
        5,
        f"{R}.action",
        "expected backup or skip, found 'bakcup'. Did you mean backup?",
    ),
    "a name of two lines": (
        document("rules:", '- {name: "a\\nb", action: skip}'),
        5,
        f"{R}.name",
        "expected a name of at most 63 characters",
    ),
    "a name with half a character": (
        document("rules:", '- {name: "\\ud800", action: skip}'),
        5,
        "",
        "holds half a character",
    ),
    "a null that is a name": (
        namespaces("{include: [!!null bank]}"),
        6,
        "",
        "!!null stands before 'bank', which is not null",
    ),
    "a name that ends with a line break": (
        document("rules:", '- {name: "a\\n", action: skip}'),
        5,
        f"{R}.name",
        r"found 'a\n'",
    ),
    "text where a list belongs": (
        namespaces("{include: 'shop,bank-*'}"),
        6,
        f"{R}.namespaces.include",
        'expected a list, found \'shop,bank-*\'. Write ["shop", "bank-*"].',
    ),
    "an empty list": (
        namespaces("{include: []}"),
        6,
        f"{R}.namespaces.include",
        "is an empty list, which would match nothing. Remove the key",
    ),
    "a namespace in capitals": (
        namespaces("{include: [a, Shop]}"),
        6,
        f"{R}.namespaces.include[1]",
        "(in which * is any run of characters), found 'Shop'",
    ),
    "a namespace that is too long": (
        namespaces(f"{{include: [{'a' * 64}]}}"),
        6,
        f"{R}.namespaces.include[0]",
        "expected the name of a namespace",
    ),
    "a namespace that is null": (
        namespaces("{include: [null]}"),
        6,
        f"{R}.namespaces.include[0]",
        "the word null stands in quotes",
    ),
    "a label's key that cannot be": (
        selector(labels="{a/b/c: d}"),
        6,
        f"{L}['a/b/c']",
        "expected a label's key",
    ),
    "a label's value that cannot be": (
        selector(labels="{a: 'b c'}"),
        6,
        f"{L}.a",
        "expected a label's value",
    ),
    "an operator that does not exist": (
        selector("{key: a, operator: Equals, values: [b]}"),
        6,
        f"{S}[0].operator",
        "expected In, NotIn, Exists or DoesNotExist, found 'Equals'",
    ),
    "In without values": (
        selector("{key: a, operator: In}"),
        6,
        f"{S}[0]",
        "operator In needs values",
    ),
    "NotIn with an empty list": (
        selector("{key: a, operator: NotIn, values: []}"),
        6,
        f"{S}[0].values",
        "is an empty list",
    ),
    "Exists with values": (
        selector("{key: a, operator: Exists, values: [b]}"),
        6,
        f"{S}[0]",
        "operators Exists and DoesNotExist take no values",
    ),
    "PVC for a type": (
        volumes("{types: [PVC]}"),
        6,
        f"{R}.volumes.types[0]",
        "found 'PVC'. Did you mean persistentVolumeClaim?",
    ),
    "a type that resembles none": (
        volumes("{types: [disk9]}"),
        6,
        f"{R}.volumes.types[0]",
        "Known are awsElasticBlockStore",
    ),
    "a size that is no quantity": (
        volumes("{minSize: 10GB}"),
        6,
        f"{R}.volumes.minSize",
        "expected a quantity such as 10Gi, 500M or 1e9, found '10GB'",
    ),
    "a server that is no URL": (
        HEAD + "clientConnection:\n  server: ftp://a\n",
        4,
        "clientConnection.server",
        "expected a URL such as",
    ),
    "a Lease that cannot be": (
        HEAD + "leaderElection:\n  resourceName: My Lease\n",
        4,
        "leaderElection.resourceName",
        "expected the name of a Lease",
    ),
    "a merge key": (
        document("<<: {mode: opt-in}"),
        4,
        "annotator['<<']",
        "merge keys are not read",
    ),
    "a key that is a list": (document("[a]: b"), 4, "annotator", "expected a key, found a list"),
    "a star without quotes": (
        namespaces("{include: [*-a, b]}"),
        6,
        "",
        '*-a is not in quotes, and to YAML an unquoted * is an alias. Write "*-a"',
    ),
    "an alias of what it stands in": (
        HEAD + "metadata: &a\n  b: *a\n",
        3,
        "metadata",
        "is nested too deeply",
    ),
    "aliases of aliases of aliases": (BOMB, 3, "metadata", "its aliases stand for too much"),
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


def test_a_head_in_another_case_is_not_taken_for_nine_keys() -> None:
    with pytest.raises(
        ConfigurationError, match=r"f:1: key ApiVersion: is unknown. Did you mean apiVersion\?"
    ):
        load_text("ApiVersion: vvc.velero.io/v1alpha1\nKind: ControllerConfig\n", "f")


def test_everything_that_is_wrong_is_said_at_once_by_line() -> None:
    text = document(
        "mode: never",
        "rules:",
        "- {name: a, action: skip, namespaces: {include: [x], exclude: [x]}}",
        "- {name: a, action: stop}",
        "adapt: true",
    )
    with pytest.raises(ConfigurationError) as caught:
        load_text(text, "f")
    begins = [problem.split(": ")[:2] for problem in caught.value.problems]
    assert begins == [
        ["f:4", "key annotator.mode"],
        ["f:6", "key annotator.rules[0].namespaces.exclude[0]"],
        ["f:7", "key annotator.rules[1].action"],
        ["f:7", "key annotator.rules[1].name"],
        ["f:8", "key annotator.adapt"],
    ]
    assert str(caught.value) == "\n".join(caught.value.problems)


def test_of_very_many_problems_the_first_hundred_are_said_and_the_rest_counted() -> None:
    text = document(*(f"key{number}: 1" for number in range(150)))
    with pytest.raises(ConfigurationError) as caught:
        load_text(text, "f")
    assert len(caught.value.problems) == 101
    assert caught.value.problems[99].startswith("f:103: key annotator.key99: is unknown.")
    assert caught.value.problems[100] == ("f:104: from here on 50 more problems. Correct those above first.")
