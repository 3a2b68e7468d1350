from __future__ import annotations

import asyncio

from velero_volume_controller.kube.workqueue import WorkQueue


def queue() -> WorkQueue[str]:
    return WorkQueue(lambda depth: None)


async def take_all(work: WorkQueue[str]) -> list[str]:
    taken = []
    while True:
        try:
            async with asyncio.timeout(0.02):
                key = await work.take()
        except TimeoutError:
            return taken
        if key is None:
            return taken
        taken.append(key)


async def test_a_key_that_waits_is_not_added_again() -> None:
    work = queue()
    for key in ("a", "b", "a"):
        work.add(key)
    assert await take_all(work) == ["a", "b"]


async def test_a_key_that_is_worked_on_comes_again_only_when_it_is_done() -> None:
    work = queue()
    work.add("a")
    assert await work.take() == "a"
    work.add("a")
    work.add("a")
    assert await take_all(work) == []
    work.done("a")
    assert await take_all(work) == ["a"]


async def test_a_key_that_failed_comes_back_by_itself() -> None:
    work = queue()
    work.add("a")
    assert await work.take() == "a"
    work.retry("a", at_most=0.05)
    assert await take_all(work) == []
    assert await asyncio.wait_for(work.take(), 1) == "a"


async def test_a_key_that_changes_while_it_backs_off_is_taken_up_at_once() -> None:
    work = queue()
    work.add("a")
    assert await work.take() == "a"
    work.retry("a", at_least=60)
    work.add("a")
    assert await take_all(work) == ["a"]
    work.close()


async def test_takers_are_let_go_when_it_closes() -> None:
    work = queue()
    takers = [asyncio.create_task(work.take()) for _ in range(3)]
    await asyncio.sleep(0)
    work.close()
    assert await asyncio.wait_for(asyncio.gather(*takers), 1) == [None, None, None]
    work.add("b")
    assert await work.take() is None


async def test_the_depth_is_told() -> None:
    depths: list[int] = []
    work: WorkQueue[str] = WorkQueue(depths.append)
    work.add("a")
    work.add("b")
    await work.take()
    assert depths == [1, 2, 1]


async def test_the_age_of_the_oldest_key_is_known() -> None:
    queue: WorkQueue[str] = WorkQueue(lambda _: None)
    assert queue.oldest() == 0
    queue.add("a")
    await asyncio.sleep(0.02)
    queue.add("b")
    assert queue.oldest() >= 0.02
    await queue.take()
    assert queue.oldest() < 0.02


async def test_keys_that_fail_leave_workers_for_those_that_do_not() -> None:
    work: WorkQueue[str] = WorkQueue(lambda _: None, failing_at_once=2)
    failing = [f"failing-{number}" for number in range(4)]
    for key in failing:
        work.add(key)
        await work.take()
        work.retry(key, at_most=0.01)
    await asyncio.sleep(0.05)
    work.add("fresh")
    assert await take_all(work) == [*failing[:2], "fresh"]
    work.done(failing[0])
    assert await take_all(work) == [failing[2]]
    work.close()


async def test_a_key_that_has_failed_does_not_wait_for_every_fresh_one() -> None:
    work: WorkQueue[str] = WorkQueue(lambda _: None, failing_at_once=1)
    work.add("failing")
    await work.take()
    work.retry("failing", at_most=0.01)
    await asyncio.sleep(0.05)
    for number in range(3):
        work.add(f"fresh-{number}")
    assert await work.take() == "failing"
    assert (work.failures("failing"), work.failures("fresh-0")) == (1, 0)


async def test_a_key_that_is_done_comes_back_when_it_asked_to() -> None:
    work = queue()
    work.add("a")
    assert await work.take() == "a"
    work.done("a", 0.05)
    assert await take_all(work) == []
    await asyncio.sleep(0.05)
    assert await take_all(work) == ["a"]


async def test_a_key_that_is_done_forgets_when_it_was_to_come_back() -> None:
    work = queue()
    work.add("a")
    assert await work.take() == "a"
    work.done("a", 0.05)
    work.add("a")
    assert await work.take() == "a"
    work.done("a")
    await asyncio.sleep(0.1)
    assert await take_all(work) == []
