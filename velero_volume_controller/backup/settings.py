"""Velero's Deployment and its node-agent's ConfigMap with other settings, and as they were before. Pure.

Only these two are ever written, and only in what is said here: the server's arguments
and ``loadConcurrency.globalConfig``. What was there is kept in an annotation of the
object itself, so that it can be put back exactly; whoever has changed it since is not
overruled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from velero_volume_controller.api.backupset import GROUP
from velero_volume_controller.velero.model.servers import SERVER

#: What was there before, and what was put in its place, as JSON.
BEFORE: Final = f"{GROUP}/tune-before"
AFTER: Final = f"{GROUP}/tune-after"

#: The key of a ConfigMap that is made anew; the node-agent reads whichever key there is, if it is one.
KEY: Final = "node-agent-config.json"

Object = Mapping[str, Any]


class Unrecognised(Exception):  # noqa: N818  (the name says what is the case)
    """An object is not as Velero's installers make it, or was changed since: one sentence."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One object that is to be changed. ``before`` and ``after`` are texts for a diff.

    ``patch`` is a JSON patch (RFC 6902) that fails if the object has changed since it was read; None where it
    is to be made (``body``) or deleted (neither).
    """

    kind: str
    namespace: str
    name: str
    uid: str
    before: str
    after: str
    patch: tuple[dict[str, Any], ...] | None = None
    body: dict[str, Any] | None = None

    @property
    def deletes(self) -> bool:
        """The object is to be deleted."""
        return self.patch is None and self.body is None


def set_arguments(deployment: Object, flags: Mapping[str, int]) -> Edit | None:
    """The server with these flags, its others as they are; None if it has them. Raises Unrecognised."""
    index, arguments = _arguments(deployment)
    wanted = list(arguments)
    for flag, value in flags.items():
        _set(wanted, flag, value, _called("Deployment", deployment))
    if wanted == arguments:
        return None
    return _arguments_edit(deployment, index, arguments, wanted, _kept(deployment, arguments, wanted))


def restore_arguments(deployment: Object) -> Edit | None:
    """The server with the arguments it had; None if they were never changed by us. Raises Unrecognised."""
    annotations = deployment["metadata"].get("annotations") or {}
    if BEFORE not in annotations:
        return None
    index, arguments = _arguments(deployment)
    before, after = _remembered(deployment, "Deployment")
    if arguments != after:
        raise Unrecognised(
            f"{_called('Deployment', deployment)}: its arguments were changed since they were tuned; set them"
            f" by hand. Before, they were: {' '.join(before)}"
        )
    return _arguments_edit(deployment, index, arguments, before, None)


def set_load(config_map: Object | None, namespace: str, name: str, load: int) -> Edit | None:
    """The node-agent's ConfigMap with this globalConfig, all else as it is; None if it says so.

    ``config_map`` None: there is none yet. Raises Unrecognised.
    """
    if config_map is None:
        text = json.dumps({"loadConcurrency": {"globalConfig": load}})
        annotations = {BEFORE: json.dumps(None), AFTER: json.dumps(text)}
        body = {"metadata": {"name": name, "annotations": annotations}, "data": {KEY: text}}
        return Edit("ConfigMap", namespace, name, "", "", f"{KEY}: {text}", body=body)
    key, text = _only_key(config_map)
    called = _called("ConfigMap", config_map)
    try:
        config = json.loads(text)
        concurrency = config.setdefault("loadConcurrency", {})
        if concurrency.get("globalConfig") == load:
            return None
        concurrency["globalConfig"] = load
    except (ValueError, AttributeError):
        raise Unrecognised(
            f"{called}: expected JSON with loadConcurrency under its key {key}; correct it"
        ) from None
    after = json.dumps(config)
    return _data_edit(config_map, key, text, after, _kept(config_map, text, after))


def restore_load(config_map: Object) -> Edit | None:
    """The ConfigMap as it was, or its deletion if we made it; None if never changed. Raises Unrecognised."""
    if BEFORE not in (config_map["metadata"].get("annotations") or {}):
        return None
    key, text = _only_key(config_map)
    before, after = _remembered(config_map, "ConfigMap")
    metadata = config_map["metadata"]
    if text != after:
        raise Unrecognised(
            f"{_called('ConfigMap', config_map)}: was changed since it was tuned; change it by hand."
            f" Before, it {'was not there' if before is None else f'held: {before}'}"
        )
    if before is None:
        return Edit(
            "ConfigMap", metadata["namespace"], metadata["name"], metadata["uid"], f"{key}: {text}", ""
        )
    return _data_edit(config_map, key, text, before, None)


def managed_by(found: Object) -> str | None:
    """Who will put back what is changed here: Helm, Argo CD, Flux; None if nobody is known."""
    metadata = found["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    release = annotations.get("meta.helm.sh/release-name")
    if release or labels.get("app.kubernetes.io/managed-by") == "Helm":
        return f"Helm release {release}" if release else "Helm"
    if "argocd.argoproj.io/tracking-id" in annotations or "argocd.argoproj.io/instance" in labels:
        return "Argo CD"
    if any(label.startswith(("kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/")) for label in labels):
        return "Flux"
    return None


def _arguments(deployment: Object) -> tuple[int, list[str]]:
    """Where Velero's container is, and its arguments."""
    called = _called("Deployment", deployment)
    owner = next(iter(deployment["metadata"].get("ownerReferences") or ()), None)
    if owner is not None:
        raise Unrecognised(
            f"{called}: belongs to {owner['kind']} {owner['name']}, which would put back what is changed"
            " here; set the flags there"
        )
    containers = deployment["spec"]["template"]["spec"]["containers"]
    for index, container in enumerate(containers):
        arguments = container.get("args") or []
        if container["name"] == SERVER and arguments[:1] == ["server"]:
            return index, list(arguments)
    raise Unrecognised(
        f"{called}: expected a container {SERVER} whose args begin with server, as Velero's installers make"
        " it; set the flags by hand"
    )


def _set(arguments: list[str], flag: str, value: int, called: str) -> None:
    places = [index for index, each in enumerate(arguments) if each == flag or each.startswith(f"{flag}=")]
    if len(places) > 1:
        raise Unrecognised(f"{called}: has {flag} {len(places)} times; remove all but one")
    if not places:
        arguments.append(f"{flag}={value}")
    elif "=" in arguments[places[0]]:
        arguments[places[0]] = f"{flag}={value}"
    elif places[0] + 1 < len(arguments):
        arguments[places[0] + 1] = str(value)
    else:
        raise Unrecognised(f"{called}: has {flag} without a value at its end; remove it")


def _only_key(config_map: Object) -> tuple[str, str]:
    data = config_map.get("data") or {}
    if len(data) != 1:
        raise Unrecognised(
            f"{_called('ConfigMap', config_map)}: holds {len(data)} keys where the node-agent wants one;"
            " correct it"
        )
    return next(iter(data.items()))


def _kept(found: Object, before: Any, after: Any) -> dict[str, str]:
    """The annotations; of what is tuned again, the first state is the one to go back to."""
    annotations = found["metadata"].get("annotations") or {}
    known = annotations.get(AFTER) == json.dumps(before) and BEFORE in annotations
    return {BEFORE: annotations[BEFORE] if known else json.dumps(before), AFTER: json.dumps(after)}


def _remembered(found: Object, kind: str) -> tuple[Any, Any]:
    annotations = found["metadata"]["annotations"]
    try:
        return json.loads(annotations[BEFORE]), json.loads(annotations[AFTER])
    except (KeyError, ValueError):
        raise Unrecognised(
            f"{_called(kind, found)}: annotations {BEFORE} and {AFTER} can't be read; remove them, and set it"
            " by hand"
        ) from None


def _arguments_edit(
    deployment: Object, index: int, before: list[str], after: list[str], kept: dict[str, str] | None
) -> Edit:
    path = f"/spec/template/spec/containers/{index}/args"
    return _edit("Deployment", deployment, path, (before, after), ("\n".join(before), "\n".join(after)), kept)


def _data_edit(config_map: Object, key: str, before: str, after: str, kept: dict[str, str] | None) -> Edit:
    path = f"/data/{_pointer(key)}"
    return _edit(
        "ConfigMap", config_map, path, (before, after), (f"{key}: {before}", f"{key}: {after}"), kept
    )


def _edit(
    kind: str,
    found: Object,
    path: str,
    values: tuple[Any, Any],
    texts: tuple[str, str],
    kept: dict[str, str] | None,
) -> Edit:
    metadata = found["metadata"]
    annotations = metadata.get("annotations") or {}
    patch: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
        {"op": "test", "path": path, "value": values[0]},
        {"op": "replace", "path": path, "value": values[1]},
    ]
    if kept is None:
        patch += [
            {"op": "remove", "path": f"/metadata/annotations/{_pointer(key)}"}
            for key in (BEFORE, AFTER)
            if key in annotations
        ]
    else:
        if not annotations:
            patch.append({"op": "add", "path": "/metadata/annotations", "value": {}})
        patch += [
            {"op": "add", "path": f"/metadata/annotations/{_pointer(key)}", "value": value}
            for key, value in kept.items()
        ]
    return Edit(kind, metadata["namespace"], metadata["name"], metadata["uid"], *texts, patch=tuple(patch))


def _pointer(key: str) -> str:
    """As RFC 6901 writes a key."""
    return key.replace("~", "~0").replace("/", "~1")


def _called(kind: str, found: Object) -> str:
    return f"{kind} {found['metadata']['namespace']}/{found['metadata']['name']}"
