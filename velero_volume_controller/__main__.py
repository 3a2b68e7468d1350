"""``python -m velero_volume_controller``: the same as ``vvc``."""

import sys

from velero_volume_controller.cli import main

if __name__ == "__main__":
    sys.exit(main())
