"""Objects as kubectl prints them, in every form, and what is said of text that is none."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.dumps.objects import Objects, read_objects
from velero_volume_controller.velero.model.versions import NEWEST, Version


def pod(name: str = "web", **more: Any) -> dict[str, Any]:
    """A pod that mounts the claim ``data``."""
    container = {"name": "main", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop"} | more,
        "spec": {"nodeName": "node1", "containers": [container], "volumes": volumes},
        "status": {"phase": "Running"},
    }


CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": "shop"},
    "spec": {"volumeName": "pv-1", "storageClassName": "fast"},
}
VOLUME = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv-1"}, "spec": {}}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
STORAGE_CLASS = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}}
ALL = [pod("web"), pod("db"), CLAIM, VOLUME, NAMESPACE, STORAGE_CLASS]
LIST = {"apiVersion": "v1", "kind": "List", "items": ALL}
BARE = [{key: value for key, value in pod(name).items() if key != "kind"} for name in ("web", "db")]
OTHERS = [CLAIM, VOLUME, NAMESPACE, STORAGE_CLASS]

FORMS = {
    "a List as JSON": json.dumps(LIST, indent=4),
    "a List as JSON on one line, after a blank one": "\n" + json.dumps(LIST),
    "a List as YAML": yaml.safe_dump(LIST, sort_keys=True),
    "JSON documents one after another": "\n".join(json.dumps(each, indent=2) for each in ALL),
    "a line of JSON for each": "\n".join(json.dumps(each) for each in ALL) + "\n",
    "YAML documents": "---\n" + "---\n".join(yaml.safe_dump(each) for each in ALL) + "---\n",
    "a list without a List around it": json.dumps(ALL),
    "the same as YAML": yaml.safe_dump(ALL),
    "flow-style YAML": yaml.safe_dump(LIST, default_flow_style=True, width=1000),
    "an API server's PodList, whose items say no kind": "\n".join(
        json.dumps(each) for each in ({"apiVersion": "v1", "kind": "PodList", "items": BARE}, *OTHERS)
    ),
    "the same as YAML, the kind after the items": "---\n".join(
        yaml.safe_dump(each) for each in ({"items": BARE, "kind": "PodList"}, *OTHERS)
    ),
    "a List of Lists": json.dumps({"kind": "List", "items": [LIST]}),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS.keys())
def test_every_form_gives_the_same_objects(text: str) -> None:
    objects = read_objects(text, "dump")
    assert [each.metadata.name for each in objects.pods] == ["web", "db"], "in the order of the input"
    assert objects.surroundings.claims is not None
    claim = objects.surroundings.claims["shop", "data"]
    assert (claim.volume, claim.storage_class) == ("pv-1", "fast")
    assert objects.surroundings.persistent_volumes is not None
    assert set(objects.surroundings.persistent_volumes) == {"pv-1"}
    assert objects.surroundings.namespaces is not None
    assert set(objects.surroundings.namespaces) == {"shop"}
    assert objects.storage_classes == {"fast"}
    assert objects.warnings == ()


def test_velero_version_is_the_newest_unless_told() -> None:
    text = json.dumps(LIST)
    assert read_objects(text, "dump").surroundings.velero == NEWEST
    assert read_objects(text, "dump", Version(1, 16)).surroundings.velero == Version(1, 16)


def test_other_kinds_are_left_out() -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}
    namesake = {"apiVersion": "metrics.k8s.io/v1beta1", "kind": "Pod", "metadata": {"name": "x"}}
    items = [*ALL, deployment, namesake]
    assert read_objects(json.dumps({"kind": "List", "items": items}), "dump") == read_objects(
        json.dumps(LIST), "dump"
    )


def test_a_list_of_nothing_is_no_mistake_of_form() -> None:
    for text in ('{"kind":"List","items":[]}', '{"kind":"PodList","items":null}', "kind: List\nitems: []\n"):
        objects = read_objects(text, "dump")
        assert objects.pods == ()
        assert objects.warnings == ("dump: the objects hold no Pods, so there is nothing to decide.",)


def test_no_pods_but_others_says_which() -> None:
    text = f'{json.dumps(NAMESPACE)} {{"kind":"ConfigMap"}} {{"kind":"ConfigMap"}} {{"kind":"Job"}}'
    assert "(found 2 ConfigMap, 1 Job)" in read_objects(text, "dump").warnings[0]


ABSENT = {
    "claims that pods refer to": (
        [pod(), NAMESPACE],
        "hold no PersistentVolumeClaims, so what hangs on them (annotations, labels, sizes, storage classes,",
    ),
    "volumes that claims are bound to": (
        [pod(), CLAIM, NAMESPACE],
        "hold no PersistentVolumes, so what hangs on them (annotations, storage classes, whether one is a",
    ),
    "namespaces of pods": (
        [pod(), CLAIM, VOLUME],
        "hold no Namespaces, so what hangs on them (annotations and labels) is unchecked.",
    ),
}


@pytest.mark.parametrize(("items", "words"), ABSENT.values(), ids=ABSENT.keys())
def test_kinds_that_are_missing_are_unknown_and_warned_of(items: list[dict[str, Any]], words: str) -> None:
    objects = read_objects(json.dumps({"kind": "List", "items": items}), "dump")
    (warning,) = objects.warnings
    assert words in warning
    surroundings = objects.surroundings
    mappings = (surroundings.claims, surroundings.persistent_volumes, surroundings.namespaces)
    assert None in mappings


def test_the_last_of_two_namesakes_counts() -> None:
    items = [pod("web", uid="1"), *ALL[1:], pod("web", uid="2"), CLAIM]
    objects = read_objects(json.dumps({"kind": "List", "items": items}), "dump")
    assert [(each.metadata.name, each.metadata.uid) for each in objects.pods] == [("web", "2"), ("db", "")]
    assert objects.warnings == ("dump: holds Pod shop/web and 1 more more than once; the last one counts.",)


def test_in_yaml_only_quotes_make_a_number_or_a_date_text() -> None:
    text = (
        "kind: Pod\nmetadata: {name: web, namespace: shop, deletionTimestamp: 2026-01-01T00:00:00Z,"
        " labels: {version: '1.10', on: \"yes\", day: 2026-01-01}}\n"
    )
    (web,) = read_objects(text, "dump").pods
    assert web.metadata.labels == {"version": "1.10", "on": "yes", "day": "2026-01-01"}
    assert web.metadata.deletion_timestamp == "2026-01-01T00:00:00Z"


BROKEN = {
    "nothing": ("", "dump:1: is empty, expected Kubernetes objects. Give what kubectl get"),
    "a comment": ("# later\n", "dump:1: is empty"),
    "prose": ("no resources found", "dump:1: expected a Kubernetes object, found text"),
    "a page of HTML": ("<html>\n<body>", "dump:1: expected a Kubernetes object, found text"),
    "a number": ("5", "dump:1: expected a Kubernetes object, found a number"),
    "a list of words": ("- a\n- b\n", "dump:1: expected a Kubernetes object, found text"),
    "an object without a kind": ('{"metadata":{}}', "dump:1: expected a Kubernetes object, found one"),
    "an item without a kind": (
        '{"kind":"List","items":[\n{"kind":"Pod","metadata":{"name":"a","namespace":"b"}},\n{"metadata":{}}]}',
        "dump:3: expected a Kubernetes object, found one without a kind",
    ),
    "an item that is a number": ('{"kind":"List","items":[\n5]}', "dump:2: expected a Kubernetes object"),
    "items that are a map": ('{"kind":"List","items":{}}', "found a map at items where a list belongs"),
    "JSON cut off": ('{"kind":"List",\n"items":[{"kind":"Pod"', "dump:2: ends too early. Give what kubectl"),
    "JSON with a comma too many": ('{"kind":"List",\n"items":[1,]}', "dump:2: is not JSON: "),
    "a second document that is broken": ('{"kind":"ConfigMap"}\n{"kind"}', "dump:2: is not JSON: Expecting"),
    "no number": ('{"kind":"Pod","x":NaN}', "dump:1: expected a Kubernetes object, found JSON is malformed"),
    "a tab in YAML": ("kind: List\nitems:\n\t- a\n", "dump:3: is not YAML or JSON: found character"),
    "a control character": ("kind: \0", "dump:1: is not YAML or JSON: "),
    "an alias": ("kind: List\nitems: *all\n", "dump:2: *all is an alias, and aliases are not read. Put"),
    "a key that is a list": ("{[a]: b}", "dump:1: expected a key, found a map or a list"),
    "a pod without a namespace": (
        "---\nkind: Pod\nmetadata:\n  name: web\n",
        "dump:2: Pod web can't be read: found none of metadata.namespace. Correct it, or give what kubectl",
    ),
    "a claim without a namespace": (
        '{"kind":"PersistentVolumeClaim","metadata":{"name":"data"}}',
        "dump:1: PersistentVolumeClaim data can't be read: found none of metadata.namespace.",
    ),
    "a label that is no text": (
        "kind: List\nitems:\n- kind: Pod\n  metadata: {name: web, namespace: shop, labels: {a: yes}}\n",
        "dump:3: Pod shop/web can't be read: found true or false at metadata.labels where text belongs.",
    ),
    "a name that is a number": (
        '{"kind":"PersistentVolume","metadata":{"name":5}}',
        "PersistentVolume can't be read: found a number at metadata.name where text belongs.",
    ),
    "a volume without a name": (
        '{"kind":"Pod","metadata":{"name":"a","namespace":"b"},"spec":{"volumes":[{"emptyDir":{}}]}}',
        "dump:1: Pod b/a can't be read: found a volume without a name.",
    ),
    "a configuration": (
        "---\napiVersion: vvc.velero.io/v1alpha1\nkind: ControllerConfig\n",
        "dump:2: expected Pods and what is about them, found 1 ControllerConfig. Give what kubectl get pods",
    ),
    "kubectl's table": (
        '{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[]}',
        "dump:1: expected Pods and what is about them, found 1 Table. Give what kubectl get pods",
    ),
    "objects of other kinds": (
        "---\n---\nkind: ConfigMap\n---\nkind: Deployment\n---\nkind: ConfigMap\n",
        "dump:3: expected Pods and what is about them, found 2 ConfigMap, 1 Deployment. Give what kubectl",
    ),
    "half a surrogate pair": ('{"kind":"\\ud800"}', "dump:1: expected a Kubernetes object"),
    "brackets without end": ("[" * 200_000, "dump:1: is nested too deeply to be read."),
    "brackets to the end": ("[" * 200_000 + "]" * 200_000, "dump:1: is nested too deeply to be read."),
    "dashes without end": ("- " * 200_000, "dump:1: is nested too deeply to be read."),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_what_can_not_be_read_is_one_message_with_file_and_line(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_objects(text, "dump")
    told = str(raised.value)
    assert message in told
    assert told.startswith("dump:")
    assert "\n" not in told


def read(text: str) -> Objects | None:
    try:
        return read_objects(text, "dump")
    except ConfigurationError:
        return None


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.text() | st.text("[]{}:,-\"'*&? \n\taA1"))
def test_no_text_is_worse_than_a_message(text: str) -> None:
    read(text)


@given(st.data())
def test_no_wrong_value_in_a_dump_is_worse_than_a_message(data: st.DataObject) -> None:
    dump: Any = json.loads(json.dumps(LIST))
    place = dump
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(list(keys)))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        place = inner
    place[key] = data.draw(_VALUES)
    from_json = read(json.dumps(dump))
    from_yaml = read(yaml.safe_dump(dump, allow_unicode=data.draw(st.booleans())))
    assert (from_json is None) or (from_yaml is None) or from_json == from_yaml


@given(st.sampled_from(sorted(FORMS)), st.integers(min_value=0), st.integers(0, 3), st.text(max_size=3))
def test_no_damage_to_a_dump_is_worse_than_a_message(form: str, at: int, lost: int, put: str) -> None:
    text = FORMS[form]
    at %= len(text)
    read(text[:at] + put + text[at + lost :])
    read(text[:at])
