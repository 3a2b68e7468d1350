"""Render config/ to manifests/: what ``kubectl apply -f`` takes.

install.yaml is everything but what lets CleanRestores delete; that is restore.yaml, by itself, and what
rehearsals need besides is rehearsal.yaml.

The kustomizations in config/ list resources and do nothing else, so joining the
files in that order is what ``kustomize build`` does, comments kept. Run
``python -m hack.manifests`` after a change in config/; a test compares the two.
"""

import argparse
import re
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
CONFIG: Final = ROOT / "config"
INSTALL: Final = ROOT / "manifests" / "install.yaml"
RESTORE: Final = ROOT / "manifests" / "restore.yaml"
REHEARSAL: Final = ROOT / "manifests" / "rehearsal.yaml"

_HEADER: Final = "# Made from config/ by hack/manifests.py; change it there.\n"
_NAMESPACE: Final = re.compile(r"(?m)^(\s*(?:namespace|leaseLockNamespace): )velero$")
_IMAGE: Final = re.compile(r"(?m)^(\s*image: )velero-volume-controller:\S+$")


def files(folder: Path) -> list[Path]:
    """The files that a kustomization lists, those of its sub-folders included, in order.

    Raises ValueError for a kustomization that does more than list: joining files
    would no longer be its rendering.
    """
    kustomization = folder / "kustomization.yaml"
    content = yaml.safe_load(kustomization.read_text())
    extra = sorted(set(content) - {"apiVersion", "kind", "resources"})
    if extra:
        raise ValueError(f"{kustomization}: expected resources only, found {', '.join(extra)}")
    found: list[Path] = []
    for name in content["resources"]:
        path = folder / name
        found.extend(files(path) if path.is_dir() else [path])
    return found


def render(*, namespace: str = "velero", image: str | None = None) -> str:
    """What is installed, as one text of YAML documents, for another namespace or image if asked."""
    text = _joined(files(CONFIG), namespace)
    return text if image is None else _IMAGE.sub(lambda match: match[1] + image, text)


def render_restore(*, namespace: str = "velero") -> str:
    """What lets CleanRestores be carried out, likewise."""
    return _joined([CONFIG / "rbac" / "restore.yaml"], namespace)


def render_rehearsal(*, namespace: str = "velero") -> str:
    """What rehearsals need besides, likewise."""
    return _joined([CONFIG / "rbac" / "rehearsal.yaml"], namespace)


def _joined(paths: list[Path], namespace: str) -> str:
    text = _HEADER + "".join(f"---\n{path.read_text().rstrip()}\n" for path in paths)
    return _NAMESPACE.sub(lambda match: match[1] + namespace, text)


def main() -> None:
    """Write the manifests, or print another rendering."""
    parser = argparse.ArgumentParser(description="Render config/ to manifests/.")
    parser.add_argument("--restore", action="store_true", help="with --stdout: restore.yaml")
    parser.add_argument("--rehearsal", action="store_true", help="with --stdout: rehearsal.yaml")
    parser.add_argument("--namespace", default="velero", help="where Velero is (default: velero)")
    parser.add_argument("--image", help="the controller's image")
    parser.add_argument("--stdout", action="store_true", help="print one of them instead of writing all")
    arguments = parser.parse_args()
    text = render(namespace=arguments.namespace, image=arguments.image)
    restore = render_restore(namespace=arguments.namespace)
    rehearsal = render_rehearsal(namespace=arguments.namespace)
    if arguments.stdout:
        print(rehearsal if arguments.rehearsal else restore if arguments.restore else text, end="")
    else:
        INSTALL.parent.mkdir(exist_ok=True)
        INSTALL.write_text(text)
        RESTORE.write_text(restore)
        REHEARSAL.write_text(rehearsal)


if __name__ == "__main__":
    main()
