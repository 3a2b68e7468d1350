"""What a Restore of Velero's does not bring back, and what it passes on.

Velero 1.14 to 1.18: nonRestorableResources in pkg/controller/restore_controller.go, and restore.go.
"""

from typing import Final

#: Every kind in Velero's own groups belongs to an installation, not to what it backs up.
VELERO_GROUP: Final = "velero.io"

#: (group, kind) of objects that Velero leaves out of every Restore.
NEVER_RESTORED: Final = frozenset(
    {
        ("", "Node"),
        ("", "Event"),
        ("events.k8s.io", "Event"),
        (VELERO_GROUP, "Backup"),
        (VELERO_GROUP, "Restore"),
        (VELERO_GROUP, "ResticRepository"),
        (VELERO_GROUP, "BackupRepository"),
        ("storage.k8s.io", "CSINode"),
        ("storage.k8s.io", "VolumeAttachment"),
    }
)

#: Fields of Velero's RestoreSpec by which something else would be restored than was cleared for, or what is
#: kept would be changed; each with what to write instead, if there is anything.
NOT_PASSED_ON: Final = {
    "backupName": "Write spec.source.",
    "scheduleName": "Write spec.source.",
    "includedNamespaces": "Write spec.namespaces.include.",
    "excludedNamespaces": "Write spec.namespaces.exclude.",
    "namespaceMapping": "Write spec.namespaceMapping.",
    "includedResources": "",
    "excludedResources": "",
    "labelSelector": "",
    "orLabelSelectors": "",
    "includeClusterResources": "",
    "resourcePolicy": "",
    "restorePVs": "",
    "existingResourcePolicy": "",
}
