"""The native format: what is read."""

import subprocess
import sys

import pytest

from tests.unit.nativemaker import HEAD, document, one_rule
from velero_volume_controller.api.configuration import (
    Action,
    ClusterServer,
    Configuration,
    Mode,
    Names,
    NamespaceFilter,
    Operator,
    Ownership,
    PodFilter,
    Requirement,
    Rule,
    VolumeFilter,
)
from velero_volume_controller.config import load_text

EVERYTHING = """
apiVersion: vvc.velero.io/v1alpha1
kind: ControllerConfig
metadata: {name: anything, labels: {a: 1}}
clientConnection: {server: "https://10.0.0.1:6443", kubeconfig: /etc/kubeconfig}
leaderElection: {resourceNamespace: infra, resourceName: vvc}
annotator:
  mode: opt-out
  ownership: legacy
  default: backup
  adopt: true
  rules:
  - name: databases of the shop
    action: skip
    namespaces:
      include: ["shop-*", bank]
      exclude: [shop-tmp, "*-test"]
      selector:
        matchLabels: {team: data}
        matchExpressions:
        - {key: example.com/tier, operator: In, values: [a, ""]}
        - {key: canary, operator: NotIn, values: ["yes"]}
        - {key: owner, operator: Exists}
        - {key: temporary, operator: DoesNotExist}
    pods: {selector: {matchLabels: {app: db}}, excludeJobs: ["*-cron", once]}
    volumes:
      types: [persistentVolumeClaim, ephemeral]
      names: [data, "log-*"]
      claims: ["data-*"]
      claimSelector: {matchLabels: {tier: gold}}
      storageClasses: [fast, "ssd-*"]
      minSize: 1Gi
      maxSize: 1.5T
  - {name: rest, action: backup}
"""


def test_every_key_arrives() -> None:
    loaded = load_text(EVERYTHING, "vvc.yaml")
    assert loaded.native
    assert loaded.warnings == ()
    assert loaded.configuration == Configuration(
        cluster=ClusterServer("https://10.0.0.1:6443", "/etc/kubeconfig", "infra", "vvc"),
        mode=Mode.OPT_OUT,
        ownership=Ownership.LEGACY,
        default=Action.BACKUP,
        adopt=True,
        as_go_program=False,
        source="vvc.yaml",
        rules=(
            Rule(
                "databases of the shop",
                Action.SKIP,
                NamespaceFilter(
                    Names(frozenset({"bank"}), ("shop-*",)),
                    Names(frozenset({"shop-tmp"}), ("*-test",)),
                    (
                        Requirement("team", Operator.IN, ("data",)),
                        Requirement("example.com/tier", Operator.IN, ("a", "")),
                        Requirement("canary", Operator.NOT_IN, ("yes",)),
                        Requirement("owner", Operator.EXISTS),
                        Requirement("temporary", Operator.DOES_NOT_EXIST),
                    ),
                ),
                PodFilter((Requirement("app", Operator.IN, ("db",)),), ("*-cron", "once")),
                VolumeFilter(
                    types=frozenset({"persistentVolumeClaim", "ephemeral"}),
                    names=Names(frozenset({"data"}), ("log-*",)),
                    claims=Names(patterns=("data-*",)),
                    claim_selector=(Requirement("tier", Operator.IN, ("gold",)),),
                    storage_classes=Names(frozenset({"fast"}), ("ssd-*",)),
                    min_size=1 << 30,
                    max_size=1_500_000_000_000,
                ),
            ),
            Rule("rest", Action.BACKUP),
        ),
    )


def test_what_is_missing_has_defaults() -> None:
    configuration = load_text(HEAD, "f").configuration
    assert configuration == Configuration(adopt=False, source="f")


@pytest.mark.parametrize("written", ["no", "0123", "1.0", "true", "2020-01-01", "1e3"])
def test_names_keep_the_text_that_was_typed(written: str) -> None:
    text = one_rule(f"namespaces: {{selector: {{matchLabels: {{app: {written}}}}}}}")
    (rule,) = load_text(text, "f").configuration.rules
    assert rule.namespaces.selector == (Requirement("app", Operator.IN, (written,)),)


@pytest.mark.parametrize(
    ("flag", "written", "counts"),
    [
        (None, "legacy", Ownership.LEGACY),
        (Ownership.PROTECT, "legacy", Ownership.PROTECT),
        (Ownership.LEGACY, "protect", Ownership.LEGACY),
    ],
    ids=["without the option the file counts", "protect beats the file", "legacy beats the file"],
)
def test_the_option_ownership_beats_the_file(flag: Ownership | None, written: str, counts: Ownership) -> None:
    assert load_text(document(f"ownership: {written}"), "f", flag).configuration.ownership is counts


def test_in_legacy_mode_native_rules_still_know_more_than_the_go_program() -> None:
    assert not load_text(document("ownership: legacy"), "f").configuration.as_go_program


def test_an_alias_stands_for_what_it_names() -> None:
    text = document(
        "rules:",
        "- {name: a, action: skip, namespaces: &shop {include: [shop]}, pods: {excludeJobs: [x]}}",
        "- {name: b, action: backup, namespaces: *shop}",
    )
    first, second = load_text(text, "f").configuration.rules
    assert first.namespaces == second.namespaces == NamespaceFilter(Names(frozenset({"shop"})))


def test_the_schema_and_its_library_stay_out_of_a_program_with_nine_keys() -> None:
    code = (
        "import sys\n"
        "from velero_volume_controller.config import load_text\n"
        "load_text('veleroVolumeCfg: {}', 'f')\n"
        "print([name for name in sys.modules if name.startswith('jsonschema') or name.endswith('native')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
