"""``vvc config convert`` with the proof on a live cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hack.lab.controlplane import ControlPlane
from tests.integration.cluster import Namespace
from velero_volume_controller.config import load_text


def convert(control_plane: ControlPlane, file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "velero_volume_controller", "config", "convert", str(file)]
    live = ["--kubeconfig", str(control_plane.kubeconfig), *options]
    return subprocess.run([*program, *live], capture_output=True, text=True, check=False, timeout=120)


def nine_keys(namespace: Namespace, folder: Path) -> Path:
    path = folder / "config.yml"
    path.write_text(f"veleroVolumeCfg: {{includeNamespaces: '{namespace.name},other-*'}}\n")
    return path


def test_the_native_rules_are_proved_on_every_pod_of_the_cluster(
    control_plane: ControlPlane, namespace: Namespace, tmp_path: Path
) -> None:
    namespace.create_claim("data")
    namespace.create_pod("web", ("data", "cache"))
    namespace.create_pod("job", phase="Succeeded")
    run = convert(control_plane, nine_keys(namespace, tmp_path))
    assert run.returncode == 0, run.stderr
    assert "Compared 2 pods with 3 volumes: every decision is the same." in run.stderr
    (rule,) = load_text(run.stdout, "native").configuration.rules
    assert rule.namespaces.include is not None
    assert rule.namespaces.include.exact == {namespace.name}


def test_what_only_the_claim_tells_counts_in_legacy_mode_too(
    control_plane: ControlPlane, namespace: Namespace, tmp_path: Path
) -> None:
    namespace.create_claim("data", mode="Block")
    namespace.create_pod("web")
    run = convert(control_plane, nine_keys(namespace, tmp_path), "--ownership", "legacy")
    assert (run.returncode, run.stdout) == (1, "")
    assert "Compared 1 pod with 1 volume: 1 pod would be decided differently." in run.stderr
    assert f"  {namespace.name}/web data: backup → skip: a block device" in run.stderr
