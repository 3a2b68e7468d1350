"""`make bench-backup`: BackupSets beside the best-configured plain Backup, on three nodes of the lab.

The contenders take turns in one run on new data of the same sizes, so that the machine's moods hit
all of them. BENCH_SCENARIOS (equal, unequal, broken, lanes, rehearsals; several separated by spaces),
BENCH_ROUNDS, BENCH_SCALE (of the data) and BENCH_MEGABITS (what a node sends) change the size.
"""

from __future__ import annotations

import os

from tests.bench.backup import scenarios
from tests.bench.backup.ground import on_the_lab


def main() -> None:
    """Run the scenarios that were asked for and print their figures."""
    asked = (os.environ.get("BENCH_SCENARIOS") or " ".join(scenarios.ALL)).split()
    unknown = [name for name in asked if name not in scenarios.ALL]
    if unknown:
        raise SystemExit(f"BENCH_SCENARIOS: {unknown[0]!r} is none of {', '.join(scenarios.ALL)}")
    with on_the_lab() as lab:
        for name in asked:
            scenarios.ALL[name](lab)


if __name__ == "__main__":
    main()
