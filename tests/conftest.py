"""What every test needs: commands that are not told how wide a terminal is."""

import os


def pytest_configure() -> None:
    """pytest-xdist tells its workers; what a test runs would fold its lines to that."""
    os.environ.pop("COLUMNS", None)
