#!/usr/bin/env bash
# with.sh COMMAND...: run a command against a kind cluster, which is made when it is not there.
# Everything else is the lab's: the images, the storage class, Velero, the tests.
set -euo pipefail
cd "$(dirname "$0")/../.."
name=vvc
for tool in docker kind; do
  command -v "$tool" >/dev/null || { echo "LAB=kind needs $tool; without Docker use the lab itself (make lab-up)" >&2; exit 1; }
done
export VVC_TEST_KUBECONFIG="${XDG_CACHE_HOME:-$HOME/.cache}/velero-volume-controller/kind.kubeconfig"
export VVC_TEST_S3_URL=http://s3.s3.svc:9000
export VVC_TEST_LOAD="kind load image-archive --name $name"
lab=(.venv/bin/python -m hack.lab)
if ! kind get clusters 2>/dev/null | grep -qx "$name"; then
  mkdir -p "$(dirname "$VVC_TEST_KUBECONFIG")"
  kind create cluster --name "$name" --config hack/kind/cluster.yaml --kubeconfig "$VVC_TEST_KUBECONFIG"
  "${lab[@]}" kubectl label namespace kube-system vvc.velero.io/test-cluster=true
  "${lab[@]}" load-images
  # Its own default class makes hostPath volumes, which Velero skips; the lab's takes its place.
  "${lab[@]}" kubectl delete storageclass standard --ignore-not-found
  "${lab[@]}" kubectl apply -f hack/kind/s3.yaml
  "${lab[@]}" kubectl -n s3 rollout status deployment/s3
fi
exec "$@"
