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

#: Those with a PersistentVolumeClaim behind them. That of an ephemeral volume Kubernetes makes itself.
TYPES_WITH_CLAIM: Final = frozenset({PERSISTENT_VOLUME_CLAIM, "ephemeral"})

#: Those that Velero 1.18.3 never takes by file-system backup; why is in ``velero.model.volumes``.
TYPES_NEVER_TAKEN: Final = frozenset(
    {"configMap", "downwardAPI", "ephemeral", "hostPath", "image", "projected", "secret"}
)
