"""The controller in the lab: an image of this tree, made without Docker, and its deployment.

The image holds what the Dockerfile's does: Debian's Python, the locked dependencies
with their hashes checked, the package. Each is a layer of its own, cached under what it
is made of, so that a changed line of code costs a second.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from hack.lab import cluster, images, kubectl, places
from hack.lab.cluster import Lab
from hack.lab.progress import step
from hack.lab.shell import run

SUITE = "bookworm"
PYTHON = "3.11"  # bookworm's
PACKAGES = "python3,ca-certificates"
NAME = "velero-volume-controller"
NAMESPACE = "velero"
MANIFEST = places.REPOSITORY / "manifests/install.yaml"
#: What CleanRestores need besides, the only one that may delete.
RESTORES = places.REPOSITORY / "manifests/restore.yaml"
#: And what rehearsals need beside that.
REHEARSALS = places.REPOSITORY / "manifests/rehearsal.yaml"
DEPENDENCIES = "usr/local/lib/dependencies"
APPLICATION = "usr/local/lib/application"
LAYER_FORMAT = b"2"  # counted up when the way a layer is written changes
UNNEEDED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache", "var/lib/apt", "var/log")


def archive() -> Path:
    """The archive of this tree's image; its tag is the digest of what is in it."""
    package = places.REPOSITORY / "velero_volume_controller"
    sources = sorted(
        path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    lock = places.REPOSITORY / "requirements.lock"
    base = _layer("base", f"{SUITE} {PACKAGES} {UNNEEDED}".encode(), _base)
    dependencies = _layer("dependencies", lock.read_bytes(), lambda root: _dependencies(root, lock))
    content = b"".join(str(path.relative_to(package)).encode() + path.read_bytes() for path in sources)
    application = _layer("application", content, lambda root: _application(root, package))
    layers = [base, dependencies, application]
    tag = hashlib.sha256(" ".join(layer.name for layer in layers).encode()).hexdigest()[:12]
    target = places.IMAGES / f"{NAME}-{tag}.tar"
    if not target.exists():
        for old in places.IMAGES.glob(f"{NAME}-{'?' * 12}.tar"):
            old.unlink()
        entrypoint = ["python3", "-m", "velero_volume_controller"]
        path = f"PYTHONPATH=/{APPLICATION}:/{DEPENDENCIES}"
        environment = ["PATH=/usr/local/bin:/usr/bin:/bin", path, "PYTHONUNBUFFERED=1"]
        images.write_archive(target, reference(target), layers, entrypoint, environment, user="65532:65532")
    return target


def reference(archive_path: Path) -> str:
    """The image's name, as pods use it."""
    return f"{images.REGISTRY}/{NAME}:{archive_path.stem.rpartition('-')[2]}"


def deploy(
    lab: Lab, config: str | None = None, *, namespace: str = NAMESPACE, restores: bool = False
) -> None:
    """Deploy this tree's controller from its manifests and wait until it is ready.

    `config` replaces the ConfigMap's config.yml. `namespace` is that of the Velero it stands beside, if
    that is not the manifests'; `restores`: it may carry out CleanRestores, rehearsals among them.
    """
    with step("deploying the controller"):
        made = archive()
        cluster.load(lab, [made])
        kubectl.apply(
            yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        )
        documents = _documents(namespace, restores=restores)
        kubectl.apply(_manifest(documents, reference(made), config))
        for document in documents:
            if document["kind"] == "CustomResourceDefinition":
                name = f"crd/{document['metadata']['name']}"
                kubectl.kubectl("wait", "--for=condition=Established", name, "--timeout=60s")
        kubectl.rollout(namespace, f"deployment/{NAME}")


def let_into(namespace: str) -> None:
    """Let the deployed controller use the Velero in this namespace as a lane of its BackupSets."""
    role = [f"--clusterrole={NAME}-lane", f"--serviceaccount={NAMESPACE}:{NAME}"]
    create = [
        "-n",
        namespace,
        "create",
        "rolebinding",
        f"{NAME}-lane",
        *role,
        "--dry-run=client",
        "-o",
        "yaml",
    ]
    kubectl.apply(kubectl.kubectl(*create))


def user(namespace: str = NAMESPACE) -> str:
    """Who the controller is to the API server."""
    return f"system:serviceaccount:{namespace}:{NAME}"


def remove(namespace: str = NAMESPACE) -> None:
    """Remove what `deploy` applied; the namespace, which is Velero's too, stays.

    The pods go first: they release their Lease only while they may.
    """
    name = f"deployment/{NAME}"
    away = ["delete", "--ignore-not-found"]
    kubectl.kubectl("-n", namespace, *away, name, "--cascade=foreground", "--timeout=60s")
    documents = _documents(namespace, restores=RESTORES.exists())
    kubectl.kubectl(*away, "-f", "-", stdin=yaml.safe_dump_all(documents))
    kubectl.kubectl("-n", namespace, *away, "lease", NAME)


def _documents(namespace: str, *, restores: bool) -> list[dict[str, Any]]:
    """The manifests, as if they were written for this namespace."""
    paths = [MANIFEST, RESTORES, REHEARSALS] if restores else [MANIFEST]
    text = "\n---\n".join(path.read_text() for path in paths)
    documents = [document for document in yaml.safe_load_all(text) if document]
    for document in documents:
        if document["metadata"].get("namespace") == NAMESPACE:
            document["metadata"]["namespace"] = namespace
        for subject in document.get("subjects", ()):
            if subject.get("namespace") == NAMESPACE:
                subject["namespace"] = namespace
        if document["kind"] == "ConfigMap":
            # Its Lease is where its Velero is: that is how it knows its namespace.
            text = document["data"]["config.yml"]
            lease = "leaseLockNamespace: "
            document["data"]["config.yml"] = text.replace(f"{lease}{NAMESPACE}", f"{lease}{namespace}")
    return documents


def _manifest(documents: list[dict[str, Any]], image: str, config: str | None) -> str:
    for document in documents:
        if document["kind"] == "Deployment":
            for container in document["spec"]["template"]["spec"]["containers"]:
                container["image"] = image
                container["imagePullPolicy"] = "Never"
        elif document["kind"] == "ConfigMap" and config is not None:
            document["data"]["config.yml"] = config
    return yaml.safe_dump_all(documents)


def _layer(name: str, key: bytes, fill: Callable[[Path], None]) -> Path:
    """The tar of a layer, filled first where it is not cached."""
    target = places.IMAGES / f".{NAME}-{name}-{hashlib.sha256(LAYER_FORMAT + key).hexdigest()[:12]}.layer"
    if target.exists():
        return target
    places.IMAGES.mkdir(parents=True, exist_ok=True)
    for old in places.IMAGES.glob(f".{NAME}-{name}-*.layer"):
        old.unlink()
    with step(f"making the image's {name}"), tempfile.TemporaryDirectory(dir=places.IMAGES) as root:
        fill(Path(root))
        # A temporary folder is its owner's alone; the image's root is for everyone.
        Path(root).chmod(0o755)
        unfinished = target.with_suffix(".unfinished")
        with tarfile.open(unfinished, "w") as tar:
            tar.add(root, arcname=".", filter=_anonymous)
        unfinished.rename(target)
    return target


def _base(root: Path) -> None:
    run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, root, _mirror()])
    for folder in UNNEEDED:
        shutil.rmtree(root / folder, ignore_errors=True)


def _mirror() -> str:
    """The Debian mirror that this machine itself uses for this suite."""
    for line in run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"]
    ).splitlines():
        release, component, uri = line.split()
        if release == SUITE and component == "main":
            return uri
    return "http://deb.debian.org/debian"


def _dependencies(root: Path, lock: Path) -> None:
    target: list[str | Path] = [
        "--target",
        root / DEPENDENCIES,
        "--python-version",
        PYTHON,
        "--only-binary=:all:",
    ]
    run([sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock, *target])


def _application(root: Path, package: Path) -> None:
    target = root / APPLICATION / package.name
    shutil.copytree(package, target, ignore=shutil.ignore_patterns("__pycache__"))


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
