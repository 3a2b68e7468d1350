"""Go on for a while; print what failed first, or how many documents were read and refused."""

import argparse
import sys
import time
from collections import Counter
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz import documents
from tests.fuzz.properties import is_read_back, read_or_refused

SOURCES: Final[dict[str, st.SearchStrategy[str]]] = {
    "right": documents.right_documents(),
    "grafted": documents.grafted_documents(),
    "scratched": documents.scratched_documents(),
    "noise": documents.noise(),
}

#: Documents between two looks at the clock.
_BATCH: Final = 500

_SETTINGS: Final = settings(
    max_examples=_BATCH,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def fuzz(seconds: float) -> Counter[str]:
    """Run until the time is up; raises what a document made the parser raise."""
    counts: Counter[str] = Counter()

    def check(kind: str, strategy: st.SearchStrategy[str]) -> None:
        @_SETTINGS
        @given(strategy)
        def batch(text: str) -> None:
            counts[f"{kind}, {'read' if read_or_refused(text) else 'refused'}"] += 1

        batch()

    @_SETTINGS
    @given(documents.native_configurations())
    def written(configuration: Any) -> None:
        is_read_back(configuration)
        counts["configurations, written and read back"] += 1

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for kind, strategy in SOURCES.items():
            check(kind, strategy)
        written()
        print(f"{counts.total()} documents", file=sys.stderr, flush=True)
    return counts


def main() -> None:
    """Fuzz for as long as the command line says."""
    parser = argparse.ArgumentParser(description="Throw documents at the configuration's parser.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default: 60)")
    seconds = parser.parse_args().seconds
    start = time.monotonic()
    counts = fuzz(seconds)
    for kind, number in sorted(counts.items()):
        print(f"{number:>10} {kind}")
    print(f"{counts.total():>10} documents in {time.monotonic() - start:.0f} s; none broke the parser")


if __name__ == "__main__":
    main()
