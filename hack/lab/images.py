"""Container images made from folders, as docker-archive files that containerd imports.

None can be pulled, so the lab makes what it needs: each image is one or more layers,
each layer a tar whose bytes depend on its content alone. A finished archive is cached
under the digest of what went into it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hack.lab import places
from hack.lab.binaries import binary
from hack.lab.shell import run

REGISTRY = "docker.io/local"
BUSYBOX = "/bin/busybox"
BUSYBOX_NAME = "busybox:1"
PROVISIONER_NAME = "local-path-provisioner:0.0.30"
PLUGIN_NAME = "velero-plugin-for-aws:1.14.3"
BUSYBOX_REFERENCE = f"{REGISTRY}/{BUSYBOX_NAME}"
PROVISIONER_REFERENCE = f"{REGISTRY}/{PROVISIONER_NAME}"
PLUGIN_REFERENCE = f"{REGISTRY}/{PLUGIN_NAME}"


@dataclass(frozen=True)
class Image:
    """An image by name and by what is in it.

    `files` maps paths in the image to files on this machine; `folders` are made with
    mode 1777, as /tmp is.
    """

    name: str
    files: Mapping[str, Path]
    entrypoint: Sequence[str] = ()
    folders: Sequence[str] = ("tmp", "root")
    links: Mapping[str, str] = field(default_factory=dict)
    environment: Sequence[str] = ("PATH=/bin:/usr/bin:/", "HOME=/root")

    @property
    def reference(self) -> str:
        """The name that pods use."""
        return f"{REGISTRY}/{self.name}"


def archive(image: Image) -> Path:
    """The image's archive, made first where it is not cached."""
    digest = hashlib.sha256(repr((image.reference, image.entrypoint, image.folders, image.links)).encode())
    for path, source in sorted(image.files.items()):
        stat = source.stat()
        digest.update(f"{path} {source} {stat.st_size} {stat.st_mtime_ns} {stat.st_mode}".encode())
    slug = image.name.replace(":", "-")
    target = places.IMAGES / f"{slug}-{digest.hexdigest()[:12]}.tar"
    if not target.exists():
        places.IMAGES.mkdir(parents=True, exist_ok=True)
        for old in places.IMAGES.glob(f"{slug}-{'?' * 12}.tar"):
            old.unlink()
        layer = places.IMAGES / f".{slug}.layer"
        _write_layer(layer, image)
        write_archive(target, image.reference, [layer], image.entrypoint, image.environment)
        layer.unlink()
    return target


def write_archive(
    target: Path,
    reference: str,
    layers: Sequence[Path],
    entrypoint: Sequence[str],
    environment: Sequence[str],
    *,
    user: str = "",
) -> None:
    """Write a docker-archive of these layer tars under a temporary name, then rename it."""
    digests = [_sha256(layer) for layer in layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": list(entrypoint), "Env": list(environment), "User": user},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{} for _ in digests],
    }
    encoded = json.dumps(config, sort_keys=True).encode()
    config_name = f"{hashlib.sha256(encoded).hexdigest()}.json"
    names = [f"{digest}/layer.tar" for digest in digests]
    manifest = json.dumps([{"Config": config_name, "RepoTags": [reference], "Layers": names}]).encode()
    unfinished = target.with_name(f".{target.name}")
    with tarfile.open(unfinished, "w") as tar:
        _add_bytes(tar, config_name, encoded)
        for name, layer in zip(names, layers, strict=True):
            tar.add(layer, arcname=name)
        _add_bytes(tar, "manifest.json", manifest)
    unfinished.rename(target)


def pause() -> Image:
    """The image of a pod's sandbox."""
    return Image("pause:1", {"pause": binary("pause")}, ["/pause"], folders=())


def busybox() -> Image:
    """A shell and the usual tools: the sample applications, and the provisioner's helper pods."""
    applets = run([BUSYBOX, "--list"]).split()
    links = {f"bin/{applet}": "/bin/busybox" for applet in applets if applet != "busybox"}
    return Image(BUSYBOX_NAME, {"bin/busybox": Path(BUSYBOX)}, ["/bin/sh"], links=links)


def provisioner() -> Image:
    """local-path-provisioner."""
    return Image(PROVISIONER_NAME, {"bin/local-path-provisioner": binary("local-path-provisioner")})


def gateway() -> Image:
    """versitygw, for clusters where it can't have a machine of its own."""
    files = {"bin/versitygw": binary("versitygw"), "bin/busybox": Path(BUSYBOX)}
    return Image("versitygw:1", files, links={"bin/sh": "/bin/busybox", "bin/mkdir": "/bin/busybox"})


def velero(version: str) -> Image:
    """Velero of this version; the one that knows restic brings it, with the libraries it links."""
    files = {
        "velero": binary(f"velero-{version}"),
        "velero-restore-helper": binary(f"velero-restore-helper-{version}"),
    }
    if version.startswith("1.16."):
        files |= _with_libraries(Path("/usr/bin/restic"))
    return Image(f"velero:{version}", files, ["/velero"])


def velero_plugin() -> Image:
    """The object store plugin; as an init container it copies itself to where Velero looks."""
    files = {"plugins/velero-plugin-for-aws": binary("velero-plugin-for-aws"), "bin/busybox": Path(BUSYBOX)}
    copy = ["/bin/busybox", "cp", "/plugins/velero-plugin-for-aws", "/target/velero-plugin-for-aws"]
    return Image(PLUGIN_NAME, files, copy)


def _with_libraries(program: Path) -> dict[str, Path]:
    """A program and the shared libraries that the linker says it needs."""
    files = {str(program).lstrip("/"): program}
    for line in run(["ldd", program]).splitlines():
        words = [word for word in line.split() if word.startswith("/")]
        if words:
            files[words[0].lstrip("/")] = Path(words[0]).resolve()
    return files


def _write_layer(target: Path, image: Image) -> None:
    with tarfile.open(target, "w") as tar:
        parents = {str(parent) for path in (*image.files, *image.links) for parent in Path(path).parents}
        for folder in sorted(parents - {"."}):
            _add_folder(tar, folder, 0o755)
        for folder in image.folders:
            _add_folder(tar, folder, 0o1777)
        for path, source in sorted(image.files.items()):
            entry = tar.gettarinfo(source, arcname=path)
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            with source.open("rb") as content:
                tar.addfile(entry, content)
        for path, destination in sorted(image.links.items()):
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, destination
            tar.addfile(entry)


def _add_folder(tar: tarfile.TarFile, path: str, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
