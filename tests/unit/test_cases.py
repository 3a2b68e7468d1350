"""`vvc test`: the format of cases, what is said of broken ones, and the report."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_cli import outcome
from velero_volume_controller.annotate.cases import Case
from velero_volume_controller.annotate.read_cases import read_cases
from velero_volume_controller.api.configuration import Ownership
from velero_volume_controller.cli import main
from velero_volume_controller.config import ConfigurationError
from velero_volume_controller.velero.model.versions import NEWEST, Version

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "rules"

CONFIG = """
apiVersion: vvc.velero.io/v1alpha1
kind: ControllerConfig
annotator:
  rules:
  - {name: data, action: backup, volumes: {names: [data]}}
"""

POD = """
  - apiVersion: v1
    kind: Pod
    metadata: {name: db, namespace: shop, annotations: {vvc.velero.io/other: 'yes'}}
    spec:
      nodeName: node1
      containers: [{name: db, volumeMounts: [{name: data, mountPath: /a}, {name: cache, mountPath: /b}]}]
      volumes: [{name: data, emptyDir: {}}, {name: cache, emptyDir: {}}]
    status: {phase: Running}
"""


def case(expect: str, name: str = "it is so", more: str = "") -> str:
    return f"- name: {name}\n  objects:{POD}  expect: {expect}\n{more}"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    directory = tmp_path / "rules"
    directory.mkdir()
    (directory / "config.yml").write_text(CONFIG)
    return directory


def run(directory: Path, capfd: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    status, printed = outcome(capfd, "test", str(directory), *options)
    assert "Traceback" not in printed
    return status, printed


def test_the_example_in_the_docs_passes(capfd: pytest.CaptureFixture[str]) -> None:
    status, printed = run(EXAMPLE, capfd)
    assert (status, printed.splitlines()[-1]) == (0, "4 cases: 4 passed, 0 failed.")


def test_the_example_in_the_help_passes(rules: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (rules / "config.yml").write_text(CONFIG.replace("name: data,", "name: databases,"))
    _, printed = run(rules, capfd, "--help")
    start = printed.index("    - name: the database")
    example = printed[start : printed.index("Examples:")]
    (rules / "help.test.yaml").write_text(example)
    assert run(rules, capfd)[0] == 0


HOLDS = {
    "the annotation": "{shop/db: {value: data}}",
    "the annotation afterwards": "{shop/db: {after: data}}",
    "the action": "{shop/db: {action: add}}",
    "the volumes": "{shop/db: {volumes: {data: backup, cache: skip}}}",
    "the rules": "{shop/db: {rules: {data: data, cache: null}}}",
}
FAILS = {
    "{shop/db: {value: null}}": ("value", "none", "data"),
    "{shop/db: {value: 'data,cache'}}": ("value", "data,cache", "data"),
    "{shop/db: {after: cache}}": ("after", "cache", "data"),
    "{shop/db: {action: none}}": ("action", "none", "add"),
    "{shop/db: {volumes: {data: skip}}}": ("volumes.data", "skip", "backup"),
    "{shop/db: {rules: {data: null}}}": ("rules.data", "none", "data"),
    "{shop/db: {rules: {cache: data}}}": ("rules.cache", "data", "none"),
}


@pytest.mark.parametrize("expect", HOLDS.values(), ids=HOLDS.keys())
def test_an_expectation_that_holds(expect: str, rules: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (rules / "a.test.yaml").write_text(case(expect))
    assert run(rules, capfd) == (
        0,
        f"{rules}/a.test.yaml\n  passed it is so\n1 case: 1 passed, 0 failed.\n",
    )


@pytest.mark.parametrize(("expect", "told"), FAILS.items(), ids=FAILS.keys())
def test_an_expectation_that_does_not_hold_is_told_with_what_is_the_case(
    expect: str, told: tuple[str, str, str], rules: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (rules / "a.test.yaml").write_text(case(expect))
    status, printed = run(rules, capfd)
    what, expected, found = told
    assert status == 1
    assert f"pod shop/db: {what}\n      expected {expected}\n      found    {found}\n" in printed
    assert re.search(r"^ +→ (volume|rule|default)", printed, re.MULTILINE), "and with what decided"
    assert printed.endswith("1 case: 0 passed, 1 failed.\n")


@pytest.mark.parametrize(
    ("expect", "hint"),
    [
        ("{value: none}", "none is text here: for no annotation write null"),
        ("{after: none}", "none is text here: for no annotation write null"),
        ("{rules: {data: none}}", "none is text here: for no rule, the default, write null"),
    ],
)
def test_who_writes_none_is_told_of_null(
    expect: str, hint: str, rules: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (rules / "a.test.yaml").write_text(case(f"{{shop/db: {expect}}}"))
    status, printed = run(rules, capfd)
    assert status == 1
    assert hint in printed
    (rules / "a.test.yaml").write_text(case("{shop/db: {value: null}}"))
    assert "write null" not in run(rules, capfd)[1]


def test_whoever_expects_no_action_is_right_about_an_adoption(
    rules: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (rules / "config.yml").write_text("veleroVolumeCfg: {includeVolumeTypes: emptyDir}\n")
    annotated = "backup.velero.io/backup-volumes: 'data,cache'"
    for action in ("none", "adopt"):
        text = case(f"{{shop/db: {{action: {action}}}}}").replace("vvc.velero.io/other: 'yes'", annotated)
        (rules / f"{action}.test.yaml").write_text(text)
    assert run(rules, capfd)[0] == 0


def test_objects_in_a_file_beside_the_case(rules: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (rules / "pods.yaml").write_text("kind: List\nitems:" + POD)
    text = "{name: it is so, objects: pods.yaml, expect: {shop/db: {value: data}}}"
    (rules / "a.test.yaml").write_text(text)
    assert run(rules, capfd)[0] == 0


def test_a_directory_below_may_have_a_configuration_of_its_own(
    rules: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("own/deeper", "none"):
        (rules / name).mkdir(parents=True)
    (rules / "own" / "config.yml").write_text(CONFIG.replace("names: [data]", "names: [cache]"))
    (rules / "own" / "a.test.yaml").write_text(case("{shop/db: {value: cache}}"))
    (rules / "own" / "deeper" / "a.test.yaml").write_text(case("{shop/db: {value: cache}}"))
    (rules / "none" / "a.test.yaml").write_text(case("{shop/db: {value: data}}"))
    assert run(rules, capfd)[0] == 0


def test_scalars_of_objects_are_what_they_would_be_in_a_file_of_their_own() -> None:
    written = (
        "{kind: Pod, a: true, b: 'true', c: !!str true, d: 5, e: \"5\", f: 1.5, g: ~, h: 2026-01-01, i: no,"
        " j: [off, 'off', {k: null}], l: *same, m: 1e3}"
    )
    (read,) = read_cases(f"name: &same 'yes'\nobjects:\n- {written}\nexpect: {{a/b: {{value: x}}}}\n", "f")
    assert json.loads(read.items[0].raw) == {
        "kind": "Pod", "a": True, "b": "true", "c": "true", "d": 5, "e": "5", "f": 1.5, "g": None,
        "h": "2026-01-01", "i": False, "j": [False, "off", {"k": None}], "l": "yes", "m": 1000.0,
    }  # fmt: skip


def test_ownership_and_version_of_a_case() -> None:
    (plain,) = read_cases(case("{a/b: {value: x}}"), "f")
    assert (plain.ownership, plain.velero) == (None, NEWEST)
    (told,) = read_cases(
        case("{a/b: {value: x}}", more="  ownership: legacy\n  veleroVersion: v1.16.2\n"), "f"
    )
    assert (told.ownership, told.velero) == (Ownership.LEGACY, Version(1, 16, 2))


def test_k_chooses_by_name_and_file(rules: Path, capfd: pytest.CaptureFixture[str]) -> None:
    names = ("one", "two")
    (rules / "a.test.yaml").write_text("".join(case("{shop/db: {value: data}}", name) for name in names))
    (rules / "b.test.yaml").write_text(case("{shop/db: {value: wrong}}", "three"))
    assert "1 case: 1 passed" in run(rules, capfd, "-k", "two")[1]
    assert "1 case: 0 passed" in run(rules, capfd, "-k", "b.test")[1]
    assert "3 cases: 2 passed, 1 failed." in run(rules, capfd)[1]


def test_json(rules: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (rules / "a.test.yaml").write_text(case("{shop/db: {value: data, volumes: {cache: backup}}}"))
    status, printed = run(rules, capfd, "-o", "json")
    told = json.loads(printed)
    assert status == 1
    assert told["summary"] == {"cases": 1, "passed": 0, "failed": 1, "warnings": []}
    (failure,) = told["cases"][0]["failures"]
    line = (
        (rules / "a.test.yaml")
        .read_text()
        .splitlines()
        .index("  expect: {shop/db: {value: data, volumes: {cache: backup}}}")
    )
    assert failure == {
        "line": line + 1,
        "namespace": "shop",
        "pod": "db",
        "what": "volumes",
        "volume": "cache",
        "expected": "backup",
        "found": "skip",
        "steps": [
            {"asked": "rule data", "decided": False, "said": "volume cache is not among the rule's names"},
            {"asked": "default", "decided": True, "said": "skip"},
        ],
    }


def test_junit(rules: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (rules / "a.test.yaml").write_text(
        case("{shop/db: {value: data}}", "right") + case("{shop/db: {value: a, after: b}}", '"wr\\eng"')
    )
    report = tmp_path / "report.xml"
    assert run(rules, capfd, "--junit", str(report))[0] == 1
    (suite,) = ElementTree.parse(report).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    right, wrong = suite
    assert right.get("name") == "right"
    assert len(right) == 0
    assert wrong.get("name") == "wr\\x1bng", "what XML can't hold is written as an escape"
    (failure,) = wrong
    assert failure.get("message") == "pod shop/db: value; pod shop/db: after"
    assert "expected a\n      found    data" in (failure.text or "")


BROKEN: dict[str, tuple[str, str]] = {
    "nothing": ("", "a.test.yaml:1: is empty, expected a case"),
    "an empty list": ("[]", "a.test.yaml:1: expected a case, found an empty list"),
    "text": ("words", "a.test.yaml:1: expected a map with name, objects and expect, found the text 'words'."),
    "no YAML": ("a: [", "a.test.yaml:1: is not YAML"),
    "two documents": (case("{a/b: {value: x}}") + "---\na: b\n", "holds more than one YAML document"),
    "no name": ("objects: x\nexpect: {a/b: {value: x}}", "a.test.yaml:1: name is missing or empty"),
    "no objects": ("name: x\nexpect: {a/b: {value: x}}", "a.test.yaml:1: objects is missing or empty"),
    "an empty list of objects": ("{name: x, objects: [], expect: {a/b: {value: x}}}", "objects is missing"),
    "nothing expected": ("name: x\nobjects: y", "a.test.yaml:1: expect is missing or empty"),
    "no pod expected": ("name: x\nobjects: y\nexpect: {}", "a.test.yaml:1: expect is missing or empty"),
    "nothing expected of a pod": (
        "name: x\nobjects: y\nexpect:\n  a/b: {}", 'a.test.yaml:4: key expect[\'a/b\']: expects nothing.',
    ),
    "nothing expected of volumes": (
        "name: x\nobjects: y\nexpect:\n  a/b:\n    volumes: {}",
        "a.test.yaml:5: key expect['a/b'].volumes: expects nothing.",
    ),
    "an unknown key": (
        "name: x\nobjects: y\nexpects: {}\nexpect: {a/b: {value: x}}",
        "a.test.yaml:3: key expects: is unknown. Did you mean expect?",
    ),
    "an unknown key of a pod": (
        "name: x\nobjects: y\nexpect:\n  a/b:\n    volume: {a: skip}",
        "a.test.yaml:5: key expect['a/b'].volume: is unknown. Did you mean volumes?",
    ),
    "a key set twice": ("name: x\nobjects: y\nname: z\nexpect: {a/b: {value: x}}", ":3: key name: is set"),
    "objects set twice": (
        "name: x\nobjects: [{kind: Pod, a: {b: c}}]\nobjects: [text, {a: [d]}]\nexpect: {a/b: {value: x}}",
        "a.test.yaml:3: key objects: is set twice",
    ),
    "a key of an object set twice": (
        "name: x\nobjects:\n- kind: Pod\n  a: {b: c}\n  a: [d]\nexpect: {a/b: {value: x}}",
        "a.test.yaml:5: key objects[0].a: is set twice",
    ),
    "a pod without a namespace": (
        "name: x\nobjects: y\nexpect:\n  b: {value: x}", ":4: key expect.b: expected a pod as NAMESPACE/",
    ),
    "a decision that is none": (
        "name: x\nobjects: y\nexpect:\n  a/b:\n    volumes: {data: yes}",
        "expected backup or skip, found the text 'yes'.",
    ),
    "an action that is none": (
        "{name: x, objects: y, expect: {a/b: {action: delete}}}",
        "expected add or update or remove or adopt or foreign or none, found the text 'delete'.",
    ),
    "a value that is a list": (
        "{name: x, objects: y, expect: {a/b: {value: [data]}}}", "value: expected text, found a list.",
    ),
    "an ownership that is none": (
        "{name: x, objects: y, expect: {a/b: {value: x}}, ownership: mine}",
        "a.test.yaml:1: key ownership: expected protect or legacy, found the text 'mine'.",
    ),
    "a version that is none": (
        "{name: x, objects: y, expect: {a/b: {value: x}}, veleroVersion: new}",
        "key veleroVersion: expected a version of Velero such as 1.18.3, found 'new'.",
    ),
    "an object without a kind": (
        "name: x\nobjects:\n- metadata: {}\nexpect: {a/b: {value: x}}",
        "a.test.yaml:3: expected a Kubernetes object, found one without a kind.",
    ),
    "half a character": (
        'name: x\nobjects:\n- {kind: "\\ud800\\udc00"}\nexpect: {a/b: {value: x}}',
        "a.test.yaml:3: holds half a character",
    ),
    "an object that does not decode": (
        "name: x\nobjects:\n- kind: Pod\n  metadata: {name: b}\nexpect: {a/b: {value: x}}",
        "a.test.yaml:3: Pod b can't be read: found none of metadata.namespace.",
    ),
    "an annotation that is no text": (
        case("{shop/db: {value: data}}").replace("'yes'", "yes"),
        "a.test.yaml:3: Pod shop/db can't be read: found true or false at metadata.annotations where text",
    ),
    "a label that is a number": (
        "name: x\nobjects:\n- kind: Pod\n  metadata: {name: b, namespace: a, labels: {version: 1.10}}\n"
        "expect: {a/b: {value: x}}",
        "a.test.yaml:3: Pod a/b can't be read: found a number at metadata.labels where text belongs.",
    ),
    "a file of objects that is not there": (
        "{name: x, objects: none.yaml, expect: {a/b: {value: x}}}", "none.yaml: there is no such file.",
    ),
    "a pod that is not among the objects": (
        case("{shop/web: {value: x}}"), "case 'it is so': expected pod shop/web, but the objects hold shop",
    ),
    "a volume that the pod does not have": (
        case("{shop/db: {volumes: {wal: skip}}}"), "expected volume wal, but pod shop/db has cache, data.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_case_that_can_not_be_used_is_an_error_with_its_line(
    text: str, message: str, rules: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (rules / "a.test.yaml").write_text(text)
    status, printed = run(rules, capfd)
    assert status == 2
    assert message in printed


ASKING = CONFIG.replace("names: [data]", "minSize: 1Gi") + (
    "  - {name: labelled, action: skip, namespaces: {selector: {matchLabels: {a: b}}}}\n"
)
CLAIMED = POD.replace("{name: data, emptyDir: {}}", "{name: data, persistentVolumeClaim: {claimName: db}}")
NAMESPACE = "  - {apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n"
CLAIM = (
    "  - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: db, namespace: shop},"
    " spec: {resources: {requests: {storage: 2Gi}}}}\n"
)


BOUND = CLAIM.replace("resources:", "volumeName: pv-1, resources:")


UNSEEN = {
    "the claim's size": (
        ASKING,
        NAMESPACE + CLAIM.replace("requests: {storage: 2Gi}", ""),
        "rule data can't be decided for volume data of pod shop/db: the size of PersistentVolumeClaim db is"
        " not known. Add it to the case's objects.",
    ),
    "the volume that may name the claim's class": (
        ASKING.replace("minSize: 1Gi", "storageClasses: [fast]"),
        NAMESPACE + BOUND,
        "rule data can't be decided for volume data of pod shop/db: PersistentVolumeClaim db names no storage"
        " class, and PersistentVolume pv-1, which may, is not known. Add it to the case's objects.",
    ),
    "the claim": (
        ASKING,
        NAMESPACE,
        "rule data can't be decided for volume data of pod shop/db: PersistentVolumeClaim db is not known."
        " Add it to the case's objects.",
    ),
    "the namespace": (
        ASKING.replace("action: backup", "action: skip"),
        CLAIM.replace("2Gi", "2Mi"),
        "rule labelled can't be decided for volume data of pod shop/db: the labels of namespace shop are not",
    ),
}


@pytest.mark.parametrize(("config", "more", "message"), UNSEEN.values(), ids=UNSEEN.keys())
@pytest.mark.parametrize("expect", ["{value: null}", "{volumes: {data: skip}}", "{rules: {data: null}}"])
def test_no_case_passes_for_want_of_an_object_that_a_rule_asks_about(
    expect: str, config: str, more: str, message: str, rules: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (rules / "config.yml").write_text(config)
    text = case(f"{{shop/db: {expect}}}").replace(POD, CLAIMED + more)
    (rules / "a.test.yaml").write_text(text + text)
    status, printed = run(rules, capfd)
    assert status == 2
    line = 11 + more.count("\n")
    assert f"a.test.yaml:{line}: case 'it is so': " in printed
    assert printed.count(message) == 2, "of every case"
    (rules / "a.test.yaml").write_text(text.replace(more, NAMESPACE + CLAIM))
    assert run(rules, capfd)[0] != 2


def test_an_object_that_no_rule_asks_about_may_be_absent(
    rules: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (rules / "a.test.yaml").write_text(case("{shop/db: {value: data}}").replace(POD, CLAIMED))
    assert run(rules, capfd)[0] == 0
    (rules / "config.yml").write_text(ASKING)
    expect = "{shop/db: {volumes: {data: backup}}}"
    (rules / "a.test.yaml").write_text(case(expect).replace(POD, CLAIMED + CLAIM))
    assert run(rules, capfd)[0] == 0, "the rule that decided stands before the one that asks"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_cases("- {nam: x}\n- {name: x, objects: y, expect: {b: {}}}\n", "f")
    assert len(raised.value.problems) == 5


def test_a_directory_that_can_not_be_tested(
    rules: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "none", capfd)[1].count("there is no such directory") == 1
    assert "is a file, expected a directory" in run(rules / "config.yml", capfd)[1]
    status, printed = run(rules, capfd)
    assert status == 2
    assert "holds no cases, expected files named *.test.yaml" in printed
    (rules / "a.test.yaml").write_text(case("{shop/db: {value: data}}"))
    status, printed = run(rules, capfd, "-k", "else")
    assert status == 2
    assert "-k 'else' fits none of 1 case, such as 'it is so'." in printed
    (rules / "config.yml").unlink()
    status, printed = run(rules, capfd)
    assert status == 2
    assert "there is no config.yml beside it" in printed


def test_a_configuration_that_is_broken(rules: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (rules / "a.test.yaml").write_text(case("{shop/db: {value: data}}"))
    (rules / "config.yml").write_text("veleroVolumeCfg: [a]")
    status, printed = run(rules, capfd)
    assert status == 2
    assert "config.yml:1: key veleroVolumeCfg" in printed


def test_a_report_that_can_not_be_written(rules: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (rules / "a.test.yaml").write_text(case("{shop/db: {value: data}}"))
    assert main(["test", str(rules), "--junit", "/nowhere/report.xml"]) == 2
    assert "/nowhere/report.xml: can't be written: No such file or directory." in capfd.readouterr().err


def test_what_looks_wrong_in_a_configuration_is_said_once(
    rules: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (rules / "config.yml").write_text(CONFIG + "  - {name: late, action: skip, volumes: {names: [data]}}\n")
    (rules / "a.test.yaml").write_text(case("{shop/db: {value: data}}") + case("{shop/db: {after: data}}"))
    warning = f"{rules}/config.yml:7: key annotator.rules[1]: rule late is never reached: "
    assert main(["test", str(rules)]) == 0
    out, err = capfd.readouterr()
    assert "2 passed" in out
    assert err.startswith(f"Warning: {warning}")
    assert err.count("\n") == 1
    assert main(["test", str(rules), "-o", "json"]) == 0
    out, err = capfd.readouterr()
    (told,) = json.loads(out)["summary"]["warnings"]
    assert told.startswith(warning)
    assert err == f"Warning: {told}\n"


def read(text: str) -> tuple[Case, ...]:
    try:
        return read_cases(text, "f")
    except ConfigurationError:
        return ()


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.sampled_from(["x", "a/b", "skip", "", "~"]) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["name", "objects", "expect", "a/b", "value", "volumes", "rules", "kind", "items"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_VALUES.map(json.dumps) | st.text() | st.text("[]{}:,-&*a \n'\""))
def test_no_text_is_worse_than_a_message(text: str) -> None:
    read(text)
