"""The second half of the story: a disaster, a CleanRestore, and that undone."""

from __future__ import annotations

import json
import re
from typing import Any

from hack.demo import applications, disaster, movement, verdict
from hack.demo.applications import LEFT_ALONE
from hack.demo.protecting import SET
from hack.demo.story import State, Story, digests
from hack.demo.vvc import Shown
from hack.lab import kubectl
from hack.lab.shell import LabError

RUN = f"{SET}-back"
UNDO = f"{RUN}-undo"
#: Nobody is asked without a terminal: it is made, its plan is there, and it waits.
NOBODY_ASKED = 2


def strike(story: Story) -> None:
    """The disaster."""
    with story.step("disaster: data overwritten, objects deleted, changed and added") as say:
        disaster.strike(applications.pods(), say)
        story.struck = State(digests(applications.pods(), say), disaster.objects())


def restore(story: Story) -> None:
    """A CleanRestore: its plan is looked at, approved and carried out."""
    what = ["--from-set", SET, "--extras", "delete", "--protect-selector", LEFT_ALONE]
    story.run("restore", "apply", RUN, *what, expect=NOBODY_ASKED)
    approved = _hash(story.show("restore", "plan", RUN))
    story.planned = disaster.planned(json.loads(story.ask("restore", "plan", RUN, "-o", "json")))
    story.judged(verdict.on_plan(story.planned))
    story.run("restore", "apply", RUN, "--plan-hash", approved)
    status = _status(story, RUN)
    story.undo_backup = movement.together(story.velero, "backup", RUN, [status["undo"]["backup"]])
    story.restore = _restores(story, RUN, status)


def compare(story: Story) -> None:
    """All is as it was before the disaster."""
    story.after = _state(story, "waiting for the applications, and digesting every file again")
    assert story.restore is not None
    story.judged(verdict.on_movement(story.restore, story.pods))
    story.judged(verdict.on_digests(story.before.volumes, story.after.volumes))
    story.judged(verdict.on_objects("the restore", story.before.objects, story.after.objects))


def undo(story: Story) -> None:
    """Not what was wanted after all: it is undone, and what the disaster left is back."""
    approved = _hash(story.show("restore", "undo", RUN, expect=NOBODY_ASKED))
    story.run("restore", "apply", UNDO, "--plan-hash", approved)
    story.undo = _restores(story, UNDO, _status(story, UNDO))
    story.undone = _state(story, "waiting for the applications, and digesting every file once more")
    story.judged(verdict.on_undo(story.struck.volumes, story.undone.volumes))
    story.judged(verdict.on_objects("the undo", story.struck.objects, story.undone.objects))


def _hash(shown: Shown) -> str:
    found = re.search(r"^Plan\s+(sha256:[0-9a-f]{64})$", shown.text.plain, re.MULTILINE)
    if found is None:
        raise LabError(f"no hash of a plan in this:\n{shown.text.plain}\n{shown.errors}")
    return found[1]


def _status(story: Story, run: str) -> Any:
    return kubectl.get("-n", story.velero.namespace, "cleanrestores.vvc.velero.io", run)["status"]


def _restores(story: Story, run: str, status: Any) -> movement.Movement:
    story.note(applications.pods())
    names = [each["name"] for each in status["restores"]]
    return movement.together(story.velero, "restore", run, names)


def _state(story: Story, text: str) -> State:
    with story.step(text) as say:
        applications.wait_until_running()
        found = applications.pods()
        story.note(found)
        return State(digests(found, say), disaster.objects())
