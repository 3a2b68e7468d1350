"""What is installed, as a real API server sees it: its pods are restricted."""

from __future__ import annotations

import pytest
import yaml
from kubernetes import client

from hack.manifests import render


def test_the_pod_is_admitted_where_pod_security_restricted_is_enforced(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    core.create_namespace({"metadata": {"name": "restricted", "labels": labels}})
    (deployment,) = [d for d in yaml.safe_load_all(render()) if d["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    del template["spec"]["priorityClassName"]  # not installed here
    body = {"metadata": {"name": "ours", "labels": template["metadata"]["labels"]}, "spec": template["spec"]}
    core.create_namespaced_pod("restricted", body, dry_run="All")
    template["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(client.ApiException, match="violates PodSecurity"):
        core.create_namespaced_pod("restricted", body, dry_run="All")
