"""The configuration as one line of log."""

import json

from velero_volume_controller.config import load_text
from velero_volume_controller.manager.summary import summary

NINE_KEYS = 'veleroVolumeCfg: {excludeNamespaces: "kube-system,velero", excludeJobs: "a-*"}'
NATIVE = """
apiVersion: vvc.velero.io/v1alpha1
kind: ControllerConfig
annotator:
  mode: opt-out
  rules:
  - name: gold
    action: backup
    namespaces: {include: ["shop-*", bank], selector: {matchLabels: {tier: gold}}}
    volumes: {minSize: 1Gi}
"""


def test_of_the_nine_keys_what_is_set_is_said() -> None:
    said = summary(load_text(NINE_KEYS, "config.yml").configuration)
    assert said["lease"] == "velero/velero-volume-controller"
    assert said["rules"] == [
        {
            "name": "veleroVolumeCfg",
            "action": "backup",
            "namespaces": {"exclude": ["kube-system", "velero"]},
            "pods": {"exclude_jobs": ["a-*"]},
            "volumes": {"types": ["persistentVolumeClaim"]},
        }
    ]


def test_of_native_rules_what_is_set_is_said() -> None:
    said = summary(load_text(NATIVE, "config.yml").configuration)
    assert said["mode"] == "opt-out"
    (rule,) = json.loads(json.dumps(said["rules"]))
    selector = [{"key": "tier", "operator": "In", "values": ["gold"]}]
    assert rule["namespaces"] == {"include": ["bank", "shop-*"], "selector": selector}
    assert rule["volumes"] == {"min_size": 2**30}
