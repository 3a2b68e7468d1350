"""One process of the controller: leadership, loops and health wired together.

In: Settings. Out: annotated pods, until SIGTERM; or a KubeError when nothing can work.
"""

from velero_volume_controller.manager.run import run
from velero_volume_controller.manager.settings import ListenAddress, Settings

__all__ = ["ListenAddress", "Settings", "run"]
