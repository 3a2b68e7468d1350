"""The story from its beginning to its end."""

from __future__ import annotations

from hack.demo import protecting, restoring
from hack.demo.story import Story


def tell(story: Story) -> None:
    """Run every step in order; raises LabError where there is no going on."""
    protecting.deploy_applications(story)
    protecting.deploy_controller(story)
    protecting.back_up(story)
    if story.velero.uploader == "restic":
        protecting.ask_restic(story)
    restoring.strike(story)
    restoring.restore(story)
    restoring.compare(story)
    restoring.undo(story)
