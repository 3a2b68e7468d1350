"""The Go programs of the lab, each built once from a pinned module.

A binary's file name carries a digest of everything that decides its content, so that a
changed pin builds anew and an unchanged one never does.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from hack.lab import places
from hack.lab.progress import step
from hack.lab.shell import LabError, run

MODULES = Path(__file__).parent / "go"
VELERO_BUILDINFO = "github.com/vmware-tanzu/velero/pkg/buildinfo.Version"
KUBERNETES = "v1.34.4"
COMPONENT_VERSION = (
    "k8s.io/component-base/version.gitMajor=1",
    "k8s.io/component-base/version.gitMinor=34",
    f"k8s.io/component-base/version.gitVersion={KUBERNETES}",
    f"k8s.io/client-go/pkg/version.gitVersion={KUBERNETES}",
)


@dataclass(frozen=True)
class Program:
    """One Go program: the module that pins it, its package, what the linker sets."""

    module: str
    package: str
    variables: tuple[str, ...] = ()
    minutes: float = 1.0
    """About how long the first build takes on two cores."""


def _velero(version: str, module: str, minutes: float) -> dict[str, Program]:
    command = "github.com/vmware-tanzu/velero/cmd"
    stamp = (f"{VELERO_BUILDINFO}=v{version}",)
    return {
        f"velero-{version}": Program(module, f"{command}/velero", stamp, minutes),
        f"velero-restore-helper-{version}": Program(module, f"{command}/velero-restore-helper", stamp, 0.1),
    }


PROGRAMS: dict[str, Program] = {
    "kubelite": Program("kubernetes", ".", COMPONENT_VERSION, 6),
    "pause": Program("pause", ".", (), 0.1),
    "candidate": Program("candidate", ".", (), 0.3),
    "versitygw": Program("versitygw", "github.com/versity/versitygw/cmd/versitygw"),
    "local-path-provisioner": Program("local-path-provisioner", "github.com/rancher/local-path-provisioner"),
    "velero-plugin-for-aws": Program(
        "velero-plugin-for-aws",
        "github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws",
        minutes=2,
    ),
    **_velero("1.18.3", "velero-1.18", 4),
    **_velero("1.16.2", "velero-1.16", 4),
}


def binary(name: str) -> Path:
    """The path of a program's binary, built first where it is not cached."""
    program = PROGRAMS[name]
    target = places.BINARIES / f"{name}-{_key(program)}"
    if target.exists():
        return target
    if not shutil.which("go"):
        raise LabError("go: not installed. The lab builds Kubernetes and Velero with Go 1.21 or newer.")
    places.BINARIES.mkdir(parents=True, exist_ok=True)
    with (places.BINARIES / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _build(name, program, target)
    return target


def _key(program: Program) -> str:
    digest = hashlib.sha256(repr((program.package, program.variables)).encode())
    for path in sorted((MODULES / program.module).iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _build(name: str, program: Program, target: Path) -> None:
    unfinished = target.with_name(f".{target.name}")
    flags = " ".join(["-s", "-w", *(f"-X {variable}" for variable in program.variables)])
    about = f"about {program.minutes:.0f} min, once" if program.minutes >= 1 else "once"
    with step(f"building {name} ({about})"):
        run(
            ["go", "build", "-trimpath", "-ldflags", flags, "-o", unfinished, program.package],
            directory=MODULES / program.module,
            environment={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=readonly"},
        )
        for old in places.BINARIES.glob(f"{name}-{'?' * 12}"):
            old.unlink()
        unfinished.rename(target)
