"""The configuration's file, followed at a pace that tests can wait for."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from velero_volume_controller.api.configuration import Configuration, Ownership
from velero_volume_controller.config import ConfigurationError, Loaded, load
from velero_volume_controller.kube.errors import Unreachable
from velero_volume_controller.manager import reload
from velero_volume_controller.manager.reload import Reloader
from velero_volume_controller.observe.metrics import Metrics


class Process:
    """What the reloader hands configurations to. ``fail`` may raise instead of taking one."""

    def __init__(self) -> None:
        self.applied: list[Configuration] = []
        self.told: list[tuple[bool, str]] = []
        self.fail: Callable[[], None] = lambda: None

    async def apply(self, configuration: Configuration) -> None:
        self.fail()
        self.applied.append(configuration)

    async def tell(self, accepted: bool, text: str) -> None:
        self.told.append((accepted, text))

    @property
    def excluded(self) -> list[list[str]]:
        """The excluded namespaces of each configuration that took effect."""
        return [sorted(each.rules[0].namespaces.exclude.exact) for each in self.applied]


def write(path: Path, namespaces: str, more: str = "") -> None:
    path.write_text(f"veleroVolumeCfg: {{excludeNamespaces: '{namespaces}'{more}}}\n")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(reload, "PERIOD", 0.02)
    monkeypatch.setattr(reload, "AGAIN", 0.3)
    path = tmp_path / "config.yml"
    write(path, "a")
    return path


@asynccontextmanager
async def following(path: Path, process: Process) -> AsyncIterator[Metrics]:
    metrics = Metrics("test")
    reloader = Reloader(path, None, process.apply, process.tell, metrics)
    task = asyncio.create_task(reloader.follow(load(path).configuration))
    try:
        yield metrics
        assert not task.done(), "it has stopped watching"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it did not come about within 10 s"
        await asyncio.sleep(0.01)


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


async def test_what_the_start_has_read_is_not_taken_up_again(path: Path) -> None:
    process = Process()
    async with following(path, process):
        os.utime(path)
        await asyncio.sleep(0.3)
    assert process.applied == []
    assert process.told == []


async def test_what_changed_between_the_start_and_the_first_look_is_taken_up(path: Path) -> None:
    process = Process()
    reloader = Reloader(path, None, process.apply, process.tell, Metrics("test"))
    started = load(path).configuration
    write(path, "b")
    task = asyncio.create_task(reloader.follow(started))
    await until(lambda: process.excluded == [["b"]])
    task.cancel()


async def test_what_the_cluster_refuses_is_tried_again_later_and_told_once(path: Path) -> None:
    process = Process()
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise Unreachable("no answer")

    process.fail = fail
    async with following(path, process) as metrics:
        write(path, "b")
        await until(lambda: len(tries) == 1 and value(metrics, "vvc_configuration_valid") == 0)
        assert process.applied == []
        await until(lambda: value(metrics, "vvc_configuration_valid") == 1)
    assert len(tries) == 3
    assert process.excluded == [["b"]]
    assert process.told == [(False, "no answer"), (True, f"{path} is in force.")]
    assert value(metrics, "vvc_configuration_reloads_total", result="failure") == 1


async def test_a_mistake_of_ours_keeps_the_last_good_one_and_the_watch_goes_on(path: Path) -> None:
    process = Process()

    def fail() -> None:
        raise RuntimeError("a mistake")

    process.fail = fail
    async with following(path, process) as metrics:
        write(path, "b")
        await until(lambda: value(metrics, "vvc_loop_errors_total", loop="configuration") == 1)
        process.fail = lambda: None
        write(path, "c")
        await until(lambda: process.excluded == [["c"]])


async def test_a_new_warning_is_logged_even_if_nothing_else_has_changed(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    process = Process()
    async with following(path, process):
        write(path, "b")
        await until(lambda: process.excluded == [["b"]])
        write(path, "b", ", excludeJob: x")
        printed = ""

        def said() -> bool:
            nonlocal printed
            printed += capfd.readouterr().out
            return "means the same" in printed

        await until(said)
    assert printed.count("Did you mean excludeJobs?") == 1
    assert len(process.applied) == 1


async def test_an_empty_file_does_not_take_the_place_of_a_configuration(path: Path) -> None:
    process = Process()
    async with following(path, process):
        os.truncate(path, 0)
        await until(lambda: len(process.told) == 1)
        write(path, "b")
        await until(lambda: process.excluded == [["b"]])
    assert process.told[0] == (False, f"{path}: is empty now. If all defaults are meant, write {{}}.")


async def test_a_start_with_an_empty_file_goes_on_with_it(path: Path) -> None:
    os.truncate(path, 0)
    process = Process()
    async with following(path, process) as metrics:
        await asyncio.sleep(0.3)
        assert value(metrics, "vvc_configuration_valid") == 1
        write(path, "b")
        await until(lambda: process.excluded == [["b"]])


async def test_a_pipe_in_the_files_place_is_not_waited_for(path: Path) -> None:
    process = Process()
    async with following(path, process):
        await asyncio.sleep(0.1)  # a pipe that was there from the start is read once
        os.unlink(path)
        os.mkfifo(path)
        await until(lambda: len(process.told) == 1)
        os.unlink(path)
        write(path, "b")
        await until(lambda: process.excluded == [["b"]])


async def test_what_was_refused_is_tried_again_although_the_file_looks_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk's error or a missing right passes without the file's changing."""
    process = Process()
    broken = [True]

    def fails_at_first(path: Path, ownership: Ownership | None) -> Loaded:
        if broken:
            raise ConfigurationError(f"{path}: cannot be read: Input/output error.")
        return load(path, ownership)

    monkeypatch.setattr(reload, "load", fails_at_first)
    async with following(path, process):
        write(path, "b")
        await until(lambda: len(process.told) == 1)
        broken.clear()
        await until(lambda: process.excluded == [["b"]])


def test_a_process_that_ends_does_not_wait_for_a_file_that_is_being_read(path: Path) -> None:
    program = (
        "import asyncio, sys, time\n"
        "from velero_volume_controller.manager.reload import _beside\n"
        "async def main():\n"
        "    task = asyncio.create_task(_beside(lambda: time.sleep(60)))\n"
        "    await asyncio.sleep(0.2)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    assert time.monotonic() - started < 20
