"""A BackupSet as a person writes it: what is read, and what is said of mistakes."""

import contextlib

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from velero_volume_controller.api.backupset import BackupSetSpec, LaneChoice, Window
from velero_volume_controller.backup.read_set import read_set
from velero_volume_controller.backup.written import Written, manifest
from velero_volume_controller.config import ConfigurationError

HEAD = "apiVersion: vvc.velero.io/v1alpha1\nkind: BackupSet\n"


def read(spec: str, head: str = HEAD) -> Written:
    """A set with this spec, in the form of YAML's one line; it stands on line 4."""
    return read_set(f"{head}spec:\n  {{{spec}}}\n", "set.yaml")


def refusal(spec: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read(spec)
    return str(refused.value)


def test_everything_that_can_be_written() -> None:
    written = read_set(
        HEAD
        + """\
metadata: {name: nightly, namespace: backup, labels: {team: "1"}, annotations: {a: b}, uid: x, generation: 3}
spec:
  selection: {namespaces: {include: [no, "shop-*"], exclude: [0123]}, clusterResources: false}
  template: {ttl: 720h, snapshotVolumes: no, ratio: 1.5, metadata: {labels: {a: "true"}}}
  together: [[a, b]]
  maxShards: 4
  concurrency: {max: 3, perNode: auto}
  lanes: [{namespace: velero, slots: 2}, {namespace: velero-b}]
  retry: {limit: 0, backoff: 90s}
  window: {start: 22:00, end: "05:30", timeZone: Europe/Berlin}
  paused: true
status: {phase: Completed}
""",
        "set.yaml",
    )
    spec = written.spec
    assert (written.name, written.namespace) == ("nightly", "backup")
    assert (written.labels, written.annotations) == ({"team": "1"}, {"a": "b"})
    assert spec.selection.namespaces.include == ["no", "shop-*"], "names stay what was typed"
    assert spec.selection.namespaces.exclude == ["0123"]
    assert spec.template["snapshotVolumes"] is False, "the template is read as the API server reads it"
    assert spec.template["ratio"] == 1.5
    assert spec.template["metadata"] == {"labels": {"a": "true"}}
    assert (spec.max_shards, spec.concurrency.max, spec.retry.limit) == (4, 3, 0)
    assert spec.lanes == [LaneChoice(namespace="velero", slots=2), LaneChoice(namespace="velero-b")]
    assert spec.window == Window(start="22:00", end="05:30", time_zone="Europe/Berlin")
    assert spec.paused


def test_json_is_read_too() -> None:
    text = '{"apiVersion": "vvc.velero.io/v1alpha1", "kind": "BackupSet", "spec": {"maxShards": 2}}'
    assert read_set(text, "-").spec.max_shards == 2


REFUSED: dict[str, tuple[str, str]] = {
    "an unknown key": ("togethr: []", "set.yaml:4: key spec.togethr: is unknown. Did you mean together?"),
    "a key of another section": ("exclude: [a]", "is unknown. The key exclude belongs in namespaces."),
    "a field of Velero's outside the template": (
        "ttl: 720h", "key spec.ttl: is unknown. It is a field of Velero's; write it below spec.template.",
    ),
    "namespaces as Velero names them": (
        "includedNamespaces: [a]", "is unknown. Write selection.namespaces.include.",
    ),
    "namespaces in the template": (
        "template: {includedNamespaces: [a]}",
        "set.yaml:4: key spec.template.includedNamespaces: is the plan's to say;"
        " write selection.namespaces.include.",
    ),
    "a ttl without a unit": (
        "template: {ttl: 720}", "key spec.template.ttl: expected a duration such as 90s or 1h30m, found 720.",
    ),
    "a number that is none": ("maxShards: many", "expected a whole number from 1 on, found 'many'."),
    "no shards": ("maxShards: 0", "expected a whole number from 1 on, found '0'."),
    "too many retries": ("retry: {limit: 11}", "expected a whole number from 0 to 10, found '11'."),
    "neither auto nor a number": (
        "concurrency: {max: lots}", "expected auto or a whole number from 1 on, found 'lots'.",
    ),
    "a truth that Kubernetes alone reads": ("paused: yes", "expected true or false, found 'yes'."),
    "a name in capitals": (
        "first: [Shop]", "key spec.first[0]: expected the name of a namespace, found 'Shop'.",
    ),
    "a pattern where a name belongs": ("first: ['s-*']", "expected the name of a namespace, found 's-*'."),
    "a group of one": ("together: [[a]]", "key spec.together[0]: expected at least 2 entries, found 1."),
    "half a window": ("window: {start: '22:00'}", "key spec.window: lacks the key end. Add what is missing."),
    "a lane without a name": ("lanes: [{slots: 2}]", "key spec.lanes[0]: lacks the key namespace."),
    "nothing where something was meant": ("deadline: ", "key spec.deadline: is empty. Give it a value"),
    "no namespaces at all": (
        "selection: {namespaces: {include: []}}", "is an empty list, which would match nothing.",
    ),
    "alone and together": (
        "isolate: [a], together: [[a, b]]",
        "set.yaml:4: key spec.isolate: a is in a group of together, too. Remove it from one of them.",
    ),
    "a namespace in two groups": (
        "together: [[a, b], [b, c]]", "key spec.together: b is in 2 groups. Write one that holds them all.",
    ),
    "no wait at all": ("retry: {backoff: 0s}", "spec.retry.backoff: expected a duration longer than none"),
    "a deadline at the begin": ("deadline: 0m", "key spec.deadline: expected a duration longer than none"),
    "a window of no time": (
        "window: {start: '22:00', end: '22:00'}",
        "key spec.window: start and end are both 22:00; leave window out for the whole day.",
    ),
    "a time zone of nowhere": (
        "window: {start: '22:00', end: '05:30', timeZone: Mars/X}",
        "key spec.window.timeZone: expected a name of the tz database such as Europe/Berlin, found 'Mars/X'.",
    ),
    "an operator without its values": (
        "selection: {namespaces: {selector: {matchExpressions: [{key: a, operator: In}]}}}",
        "key spec.selection.namespaces.selector.matchExpressions[0]: operator In needs values.",
    ),
    "an operator with values that it can't have": (
        "selection: {namespaces: {selector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}}",
        "operator Exists takes no values.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_mistake_is_told_with_its_place(spec: str, words: str) -> None:
    assert words in refusal(spec)


def test_of_another_kind_nothing_else_is_told() -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_set("apiVersion: velero.io/v1\nkind: Schedule\nspec: {schedule: '@daily'}\n", "set.yaml")
    assert str(refused.value).splitlines() == ["set.yaml:2: key kind: expected BackupSet, found 'Schedule'."]


def test_all_mistakes_are_told_at_once() -> None:
    assert len(refusal("maxShards: 0, paused: maybe, togethr: []").splitlines()) == 3


DOCUMENTS: dict[str, tuple[str, str]] = {
    "nothing": ("", "set.yaml:1: is empty, expected a BackupSet"),
    "another kind": (
        "apiVersion: velero.io/v1\nkind: Backup\nspec: {}\n", "key kind: expected BackupSet, found 'Backup'.",
    ),
    "a schedule": (
        f"{HEAD.replace('Set', 'SetSchedule')}spec: {{schedule: '@daily'}}\n",
        "key kind: expected BackupSet, found 'BackupSetSchedule'. Make one with kubectl apply -f.",
    ),
    "two sets": (f"{HEAD}spec: {{}}\n---\n{HEAD}spec: {{}}\n", "holds more than one YAML document."),
    "no spec": (HEAD, "set.yaml:1: lacks the key spec."),
    "a name that is too long": (
        f"{HEAD}metadata: {{name: {'a' * 64}}}\nspec: {{}}\n",
        "key metadata.name: expected a name of at most 63 small letters",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_what_is_no_set_is_told(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^set\.yaml:") as refused:
        read_set(text, "set.yaml")
    assert words in str(refused.value)


def test_a_field_that_velero_may_not_know_is_warned_of_and_passed_on() -> None:
    written = read("template: {storageLocaton: x}")
    assert written.spec.template == {"storageLocaton": "x"}
    (warning,) = written.warnings
    assert warning.startswith("set.yaml:4: key spec.template.storageLocaton: is no field of a Backup's spec")
    assert warning.endswith("Did you mean storageLocation?")


def test_what_is_printed_says_what_was_said_and_which_namespaces() -> None:
    everything = {"selection": {"namespaces": {"include": ["*"]}}}
    assert manifest(Written(BackupSetSpec(), "a", "velero"))["spec"] == everything
    printed = manifest(read("template: {hooks: {}}, retry: {limit: 3}"))
    assert printed["spec"] == everything | {"template": {"hooks": {}}, "retry": {"limit": 3}}


#: What a person's hand may slip into.
PIECES = st.sampled_from(
    [
        *("spec: ", "selection:", "namespaces", "template", "ttl", "lanes", "together", "paused", "window"),
        *("true", "null", "auto", "!!int ", ": ", "- ", "&a ", "*a"),
        *"{}[],#~0'\"\n ",
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join), st.booleans())
def test_whatever_is_written_is_read_or_told(text: str, headed: bool) -> None:
    with contextlib.suppress(ConfigurationError):
        read_set((HEAD if headed else "") + text, "set.yaml")


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        # No name is in two groups: that is refused.
        "together": st.lists(NAMES, min_size=4, max_size=5, unique=True).map(lambda n: [n[:2], n[2:]]),
        "first": st.lists(NAMES, max_size=3),
        "maxShards": st.integers(1, 99),
        "paused": st.booleans(),
        "concurrency": st.fixed_dictionaries({}, optional={"max": st.just("auto") | st.integers(1, 9)}),
        "template": st.dictionaries(
            st.sampled_from(["x", "y"]),
            st.none() | st.booleans() | st.integers(0, 99) | st.text("ab:0 ", max_size=5),
        ),
    },
)


@given(SPECS)
def test_what_is_printed_is_read_back_the_same(spec: dict[str, object]) -> None:
    written = Written(msgspec.convert(spec, BackupSetSpec), "a", "velero")
    text = yaml.safe_dump(manifest(written))
    assert read_set(text, "printed").spec == written.spec
