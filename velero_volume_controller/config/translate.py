"""The nine keys as rules, so that there is one engine for both formats.

What the keys mean was read from the Go program and from its recorded decisions:
names are compared exactly; empty lists are no condition; ``excludeJobs`` alone
knows ``*``; the only type of volume it ever names is ``persistentVolumeClaim``.
"""

import difflib
import re
from typing import Final

from velero_volume_controller.api.configuration import (
    Action,
    ClusterServer,
    Configuration,
    Names,
    NamespaceFilter,
    Ownership,
    PodFilter,
    Rule,
    VolumeFilter,
)
from velero_volume_controller.api.names import SERVER, is_namespace, is_object
from velero_volume_controller.api.volume_types import PERSISTENT_VOLUME_CLAIM, VOLUME_TYPES
from velero_volume_controller.config.errors import ConfigurationError
from velero_volume_controller.config.ninekeys import VOLUME_SECTION, NineKeys

#: What is backed up when ``includeVolumeTypes`` is empty.
_DEFAULT_TYPES: Final = frozenset({PERSISTENT_VOLUME_CLAIM})


def translate(keys: NineKeys, ownership: Ownership) -> tuple[Configuration, list[str]]:
    """One configuration with one rule, and what there is to warn of.

    Raises ConfigurationError when a pair of include and exclude is set, or when
    the Lease's name cannot exist.
    """
    _refuse_both(keys, "includeNamespaces", "excludeNamespaces")
    _refuse_both(keys, "includeVolumeTypes", "excludeVolumeTypes")
    untrimmed: list[str] = []
    lists = {
        key: _split(keys[key], key, untrimmed)
        for key in (
            "includeNamespaces",
            "excludeNamespaces",
            "includeVolumeTypes",
            "excludeVolumeTypes",
            "excludeJobs",
        )
    }
    warnings = [*_list_warnings(keys, lists, ownership)]
    if untrimmed:
        warnings.append(
            f"{keys.at(untrimmed[0])}: spaces or empty entries between commas are ignored "
            f"(in {', '.join(untrimmed)}); the Go program compared them too."
        )
    rule = Rule(
        name=VOLUME_SECTION,
        action=Action.BACKUP,
        namespaces=NamespaceFilter(
            include=Names(frozenset(lists["includeNamespaces"])) if keys["includeNamespaces"] else None,
            exclude=Names(frozenset(lists["excludeNamespaces"])),
        ),
        pods=PodFilter(exclude_jobs=tuple(lists["excludeJobs"])),
        volumes=VolumeFilter(types=_types(keys, lists, ownership)),
    )
    configuration = Configuration(
        cluster=_cluster(keys),
        ownership=ownership,
        rules=(rule,),
        as_go_program=ownership is Ownership.LEGACY,
        source=keys.file,
    )
    return configuration, warnings


def _types(keys: NineKeys, lists: dict[str, list[str]], ownership: Ownership) -> frozenset[str]:
    """The types that are backed up.

    The Go program knows PVCs only, whatever else is listed; so does legacy mode.
    Otherwise a type counts when ``includeVolumeTypes`` names it. An
    ``excludeVolumeTypes`` only ever takes away from the default: a user who wrote
    it for the Go program never had an emptyDir backed up because of it.
    """
    if keys["includeVolumeTypes"]:
        included = frozenset(lists["includeVolumeTypes"])
        return included & _DEFAULT_TYPES if ownership is Ownership.LEGACY else included
    return _DEFAULT_TYPES - frozenset(lists["excludeVolumeTypes"])


def _refuse_both(keys: NineKeys, include: str, exclude: str) -> None:
    if keys[include] and keys[exclude]:
        raise ConfigurationError(
            f"{keys.at(exclude)}: expected either {include} or {exclude}, found both "
            f"({include} on line {keys.lines[include]}). Empty one of the two."
        )


def _split(text: str, key: str, untrimmed: list[str]) -> list[str]:
    """The names in a comma list, trimmed; ``untrimmed`` learns of a key that needed it."""
    if not text:
        return []
    parts = text.split(",")
    names = [part.strip() for part in parts]
    names = [name for name in names if name]
    if names != parts:
        untrimmed.append(key)
    return names


def _list_warnings(keys: NineKeys, lists: dict[str, list[str]], ownership: Ownership) -> list[str]:
    warnings = []
    for key, names in lists.items():
        if keys[key] and not names:
            warnings.append(
                f"{keys.at(key)}: lists no name, so it matches nothing. Leave it empty if unset is meant."
            )
        for name in names:
            if key.endswith("Namespaces"):
                problem = _namespace_problem(name)
            elif key.endswith("VolumeTypes"):
                problem = _type_problem(name, ownership)
            else:
                problem = None
            if problem:
                warnings.append(f"{keys.at(key)}: {problem}")
    return warnings


def _namespace_problem(name: str) -> str | None:
    if is_namespace(name):
        return None
    if "*" in name:
        return f"{name!r} is compared exactly and matches no namespace: only excludeJobs knows *."
    return f"{name!r} cannot be the name of a namespace, so it matches none."


def _type_problem(name: str, ownership: Ownership) -> str | None:
    if name not in VOLUME_TYPES:
        by_lower_case = {known.lower(): known for known in VOLUME_TYPES} | {"pvc": PERSISTENT_VOLUME_CLAIM}
        near = difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.6)
        hint = f" Did you mean {by_lower_case[near[0]]}?" if near else ""
        return f"{name!r} is no type of volume, so it matches none.{hint}"
    if ownership is Ownership.LEGACY and name not in _DEFAULT_TYPES:
        return f"{name} has no effect in legacy mode: the Go program knows persistentVolumeClaim only."
    return None


def _cluster(keys: NineKeys) -> ClusterServer:
    defaults = ClusterServer()
    namespace = keys["leaseLockNamespace"] or defaults.lease_namespace
    name = keys["leaseLockName"] or defaults.lease_name
    for key, value, possible in (
        ("leaseLockNamespace", namespace, is_namespace),
        ("leaseLockName", name, is_object),
    ):
        if not possible(value):
            raise ConfigurationError(
                f"{keys.at(key)}: expected a name of lower-case letters, digits and dashes, found {value!r}. "
                "Name the Lease that all replicas share, as it is in the cluster."
            )
    master = keys["masterURL"]
    if master and not re.fullmatch(SERVER, master):
        raise ConfigurationError(
            f"{keys.at('masterURL')}: expected a URL such as https://10.0.0.1:6443, found {master!r}. "
            "Correct it, or leave it empty for the kubeconfig or the pod's service account."
        )
    return ClusterServer(
        master_url=master, kube_config=keys["kubeConfig"], lease_namespace=namespace, lease_name=name
    )
