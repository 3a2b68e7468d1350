"""What of the lab is pure: names, addresses, archives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from hack.lab import images, network
from hack.lab.binaries import MODULES, PROGRAMS
from hack.lab.velero import SECOND_LANE, VERSIONS, Knobs


def numbers(**environment: str) -> subprocess.CompletedProcess[str]:
    script = "from hack.lab import places; print(places.NUMBER, places.node_count(), places.LAB.name)"
    command = [sys.executable, "-c", script]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
    return subprocess.run(command, env={**clean, **environment}, capture_output=True, text=True, check=False)


def test_the_lab_without_a_name_has_one_node_and_the_first_network() -> None:
    assert numbers().stdout.split() == ["0", "1", "lab"]


def test_a_named_lab_has_a_network_of_its_own() -> None:
    number, nodes, name = numbers(LAB_NAME="ci", LAB_NODES="3").stdout.split()
    assert (nodes, name) == ("3", "ci")
    assert 1 <= int(number) <= 254


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        pytest.param("LAB_NODES", "0", "LAB_NODES: expected a number from 1 to 9, found '0'", id="no nodes"),
        pytest.param("LAB_NODES", "many", "LAB_NODES: expected a number from 1 to 9", id="no number"),
        pytest.param("LAB_NAME", "../x", "LAB_NAME: expected up to 8 of a-z and 0-9", id="a path for a name"),
    ],
)
def test_what_the_environment_says_wrongly_is_named(variable: str, value: str, expected: str) -> None:
    done = numbers(**{variable: value})
    assert done.returncode != 0
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_every_node_has_its_own_pod_subnet_within_the_clusters() -> None:
    subnets = [network.pod_subnet(number) for number in range(1, 10)]
    assert len(set(subnets)) == 9
    assert all(subnet.startswith(network.POD_CIDR.removesuffix(".0.0/16")) for subnet in subnets)


def test_every_program_has_a_module_with_pinned_checksums() -> None:
    for name, program in PROGRAMS.items():
        assert (MODULES / program.module / "go.mod").exists(), name
        assert (MODULES / program.module / "go.sum").exists() or name == "pause", name


def test_an_archive_names_its_layers_by_their_digests_in_order(tmp_path: Path) -> None:
    layers = []
    for text in ("one", "two"):
        (tmp_path / text).write_text(text)
        layers.append(tmp_path / f"{text}.tar")
        with tarfile.open(layers[-1], "w") as tar:
            tar.add(tmp_path / text, arcname=text)
    target = tmp_path / "image.tar"
    images.write_archive(target, "local/x:1", layers, ["/x"], ["A=b"], user="65532")
    with tarfile.open(target) as tar:
        names = tar.getnames()
        [manifest] = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        config = json.load(tar.extractfile(manifest["Config"]))  # type: ignore[arg-type]
    assert manifest["RepoTags"] == ["local/x:1"]
    assert [f"sha256:{name.split('/')[0]}" for name in manifest["Layers"]] == config["rootfs"]["diff_ids"]
    assert set(manifest["Layers"]) < set(names)
    assert config["config"] == {"Entrypoint": ["/x"], "Env": ["A=b"], "User": "65532"}


def test_who_is_not_root_is_told_so_and_what_else_serves() -> None:
    script = """
import os
from hack.lab import cluster, shell
if os.geteuid() == 0:
    os.setuid(65534)
try:
    cluster.require_capable_machine()
except shell.LabError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "This machine can't host the lab: it needs root" in done.stdout
    for instead in ("LAB=kind", "VVC_TEST_KUBECONFIG", "KUBEBUILDER_ASSETS"):
        assert instead in done.stdout


def test_velero_is_installed_without_a_flag_for_what_it_does_anyway() -> None:
    assert Knobs().flags() == []


def test_each_knob_that_is_turned_is_a_flag_of_the_installer() -> None:
    assert Knobs(concurrent_backups=4, item_workers=3, node_load=2).flags() == [
        "--concurrent-backups=4",
        "--item-block-worker-count=3",
        "--node-agent-configmap=node-agent-config",
    ]
    assert json.loads(Knobs(node_load=2).node_agent_config()) == {"loadConcurrency": {"globalConfig": 2}}


def test_no_two_installations_of_velero_share_a_prefix() -> None:
    installations = [*VERSIONS.values(), SECOND_LANE]
    assert len({velero.prefix for velero in installations}) == len(installations)
