"""What can't be seen without each kind of object besides the pods, in the words of every warning about it."""

from typing import Final

#: By resource, as RBAC names them.
UNSEEN: Final = {
    "namespaces": "annotations and labels",
    "persistentvolumeclaims": "annotations, labels, sizes, storage classes, whether one is a block device",
    "persistentvolumes": "annotations, storage classes, whether one is a hostPath",
}
