"""The types of a pod's volumes, by the names that configurations use for them."""

from typing import Final

#: A volume that a PersistentVolumeClaim backs.
PERSISTENT_VOLUME_CLAIM: Final = "persistentVolumeClaim"

#: The names of the source fields below ``spec.volumes[]`` in Kubernetes 1.34.
VOLUME_TYPES: Final = frozenset(
    {
        "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "configMap", "csi",
        "downwardAPI", "emptyDir", "ephemeral", "fc", "flexVolume", "flocker", "gcePersistentDisk",
        "gitRepo", "glusterfs", "hostPath", "image", "iscsi", "nfs", PERSISTENT_VOLUME_CLAIM,
        "photonPersistentDisk", "portworxVolume", "projected", "quobyte", "rbd", "scaleIO", "secret",
        "storageos", "vsphereVolume",
    }
)  # fmt: skip
