"""An operator as they are written: a pod that sees to it, again and again, that things are as it wants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from hack.lab import controller, kubectl
from tests.e2e import restores_objects as make

#: Starts what stands still, makes a ConfigMap that is gone, and lets go of Widgets that are deleted.
PROGRAM = """
import json, os, ssl, time, urllib.error, urllib.request

where, wishes = os.environ["WHERE"], os.environ["WISHES"].split(",")
# By its address: not every cluster has a DNS.
host = os.environ["KUBERNETES_SERVICE_HOST"] + ":" + os.environ["KUBERNETES_SERVICE_PORT"]
mount = "/var/run/secrets/kubernetes.io/serviceaccount/"
trust = ssl.create_default_context(cafile=mount + "ca.crt")
core, apps = "/api/v1/namespaces/", "/apis/apps/v1/namespaces/"
widgets = "/apis/cr.example.com/v1/namespaces/"

def ask(verb, path, body=None):
    headers = {"Authorization": "Bearer " + open(mount + "token").read()}
    headers["Content-Type"] = "application/merge-patch+json" if verb == "PATCH" else "application/json"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("https://" + host + path, data, headers, method=verb)
    with urllib.request.urlopen(request, timeout=5, context=trust) as answer:
        return json.load(answer)

def round():
    if "running" in wishes:
        found = ask("GET", apps + where + "/deployments/notes")
        if found["spec"]["replicas"] == 0:
            ask("PATCH", apps + where + "/deployments/notes", {"spec": {"replicas": 1}})
    if "settings" in wishes:
        body = {"metadata": {"name": "settings"}, "data": {"colour": "the operator's"}}
        try:
            ask("POST", core + where + "/configmaps", body)
        except urllib.error.HTTPError as error:
            if error.code not in (403, 409):
                raise
    if "widgets" in wishes:
        for each in ask("GET", widgets + where + "/widgets")["items"]:
            if "deletionTimestamp" in each["metadata"]:
                name = each["metadata"]["name"]
                ask("PATCH", widgets + where + "/widgets/" + name, {"metadata": {"finalizers": None}})

while True:
    try:
        round()
    except OSError as error:
        print(error, flush=True)
    time.sleep(0.3)
"""
GROUP = "cr.example.com"
FINALIZER = "cr.example.com/cloud"


@contextmanager
def at_work(own: str, where: str, wishes: str) -> Iterator[None]:
    """An operator in namespace `own` that looks after namespace `where`; gone afterwards."""
    kubectl.apply("\n---\n".join(map(json.dumps, _objects(own, where, wishes))))
    try:
        kubectl.rollout(own, "deployment/operator")
        yield
    finally:
        kubectl.kubectl("delete", "clusterrolebinding", own, "--ignore-not-found")
        kubectl.kubectl("-n", own, "delete", "deployment", "operator", "--cascade=foreground")


def widget(where: str, name: str, version: str = "v1") -> make.Object:
    """What the operator looks after: a custom resource that it has put its finalizer on."""
    metadata = {"name": name, "namespace": where, "finalizers": [FINALIZER]}
    return {"apiVersion": f"{GROUP}/{version}", "kind": "Widget", "metadata": metadata, "spec": {"size": 1}}


def _objects(own: str, where: str, wishes: str) -> Iterator[make.Object]:
    yield make.namespace(own)
    yield make.plain("ServiceAccount", own, "operator")
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": own},
        "roleRef": role,
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": own}],
    }
    deployment = make.deployment(own, "operator", {})
    spec = deployment["spec"]["template"]["spec"]
    spec["serviceAccountName"] = "operator"
    container = spec["containers"][0]
    container["image"] = controller.reference(controller.archive())
    container["command"] = ["python3", "-c", PROGRAM]
    container["env"] = [{"name": "WHERE", "value": where}, {"name": "WISHES", "value": wishes}]
    yield deployment
