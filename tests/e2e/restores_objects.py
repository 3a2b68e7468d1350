"""What the applications of the restore tests are made of, as Kubernetes objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hack.lab import images

Object = dict[str, Any]


def namespace(name: str, **labels: str) -> Object:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def plain(kind: str, where: str, name: str, **rest: Any) -> Object:
    """A ConfigMap, a Secret, a ServiceAccount: what has no spec."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": where}, **rest}


def claim(where: str, name: str, storage_class: str | None = None) -> Object:
    """A claim of 64 MiB; of the default class unless one is named."""
    spec = _claim_spec() | ({"storageClassName": storage_class} if storage_class else {})
    return plain("PersistentVolumeClaim", where, name, spec=spec)


def service(where: str, name: str, app: str, *, headless: bool = False) -> Object:
    """A Service in front of an app's pods."""
    spec: Object = {"selector": {"app": app}, "ports": [{"port": 80}]}
    return plain("Service", where, name, spec=spec | ({"clusterIP": "None"} if headless else {}))


def pod(where: str, name: str, volumes: Mapping[str, str]) -> Object:
    """A pod that nobody controls; `volumes` are names and the claims behind them."""
    template = _template(name, volumes)
    metadata = {"name": name, "namespace": where, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def deployment(where: str, name: str, volumes: Mapping[str, str], replicas: int = 1) -> Object:
    """A Deployment that takes its old pod away before it makes a new one, for the claim is one node's."""
    spec = {"replicas": replicas, "strategy": {"type": "Recreate"}}
    return _workload("Deployment", where, name, _template(name, volumes), spec)


def stateful_set(where: str, name: str, replicas: int) -> Object:
    """A StatefulSet with a claim `data` of each pod's own."""
    template = _template(name, {})
    template["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/volumes/data"}]
    claims = [{"metadata": {"name": "data"}, "spec": _claim_spec()}]
    spec = {"replicas": replicas, "serviceName": name, "podManagementPolicy": "Parallel"}
    return _workload("StatefulSet", where, name, template, spec | {"volumeClaimTemplates": claims})


def daemon_set(where: str, name: str) -> Object:
    """A DaemonSet with an emptyDir `cache`."""
    template = _template(name, {})
    template["spec"]["volumes"] = [{"name": "cache", "emptyDir": {}}]
    template["spec"]["containers"][0]["volumeMounts"] = [{"name": "cache", "mountPath": "/volumes/cache"}]
    return _workload("DaemonSet", where, name, template, {})


def cron_job(where: str, name: str, seconds: int) -> Object:
    """A CronJob that fires every minute; its pod runs for so many seconds."""
    container = _container(["sh", "-c", f"trap exit TERM; sleep {seconds} & wait"])
    job = {"spec": {"template": {"spec": _pod_spec([container]) | {"restartPolicy": "Never"}}}}
    metadata = {"name": name, "namespace": where}
    spec = {"schedule": "* * * * *", "jobTemplate": job, "concurrencyPolicy": "Allow"}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}


def autoscaler(where: str, target: str, least: int, most: int) -> Object:
    """A HorizontalPodAutoscaler of a Deployment. There are no metrics: what it does is keep the least."""
    metadata = {"name": target, "namespace": where}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    spec = {"scaleTargetRef": reference, "minReplicas": least, "maxReplicas": most, "metrics": [metric]}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": spec,
    }


def definition(group: str, kind: str, versions: Sequence[str]) -> Object:
    """A CustomResourceDefinition; the first of its versions is stored."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = [
        {
            "name": version,
            "served": True,
            "storage": version == versions[0],
            "schema": {"openAPIV3Schema": schema},
        }
        for version in versions
    ]
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": served},
    }


def _workload(kind: str, where: str, name: str, template: Object, spec: Object) -> Object:
    metadata = {"name": name, "namespace": where, "labels": {"app": name}}
    whole = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": whole}


def _template(app: str, volumes: Mapping[str, str]) -> Object:
    container = _container(["sleep", "infinity"])
    container["volumeMounts"] = [{"name": name, "mountPath": f"/volumes/{name}"} for name in volumes]
    spec = _pod_spec([container])
    spec["volumes"] = [
        {"name": name, "persistentVolumeClaim": {"claimName": behind}} for name, behind in volumes.items()
    ]
    return {"metadata": {"labels": {"app": app}}, "spec": spec}


def _pod_spec(containers: list[Object]) -> Object:
    return {"terminationGracePeriodSeconds": 0, "containers": containers}


def _container(command: list[str]) -> Object:
    return {
        "name": "main",
        "image": images.BUSYBOX_REFERENCE,
        "imagePullPolicy": "Never",
        "command": command,
    }


def _claim_spec() -> Object:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}}
