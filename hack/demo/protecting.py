"""The first half of the story: applications, annotations, a BackupSet."""

from __future__ import annotations

import time

from hack.demo import applications, data, disaster, movement, repository, verdict
from hack.demo.applications import ANNOTATIONS, CONFIG, NAMESPACES, VOLUMES
from hack.demo.story import State, Story, digests
from hack.lab import controller, kubectl
from hack.lab.progress import wait_until
from hack.lab.shell import LabError

ANNOTATION_SECONDS = 60
SETTLING_SECONDS = 3  # the controller writes hundreds of annotations in that time
SET = "demo"


def deploy_applications(story: Story) -> None:
    """Applications, and data that is written once."""
    with story.step(f"deploying three applications in {', '.join(NAMESPACES)}"):
        applications.deploy()
        found = applications.pods()
        story.note(found)
    with story.step("writing their data, once, and digesting every file") as say:
        for volume in VOLUMES:
            say(volume.key)
            data.write(found[volume.pod], volume)
        story.before = State(digests(found, say), disaster.objects())


def deploy_controller(story: Story) -> None:
    """The controller, and the annotations that it writes."""
    namespace = story.velero.namespace
    lease = "leaseLockNamespace: "
    config = CONFIG.read_text().replace(f"{lease}{controller.NAMESPACE}", f"{lease}{namespace}")
    with story.timed("deploying the controller"):
        controller.deploy(story.lab, config, namespace=namespace, restores=True)
    with story.step("waiting for the annotations"):
        story.annotations = _awaited_annotations()
        story.elsewhere = applications.annotated_elsewhere()
    story.judged(verdict.on_annotations(story.annotations, story.elsewhere))


def back_up(story: Story) -> None:
    """A BackupSet of it all."""
    story.run("backup", "create", SET, "--namespaces", "demo-*", "--no-cluster-resources", "--wait")
    status = kubectl.get("-n", story.velero.namespace, "backupsets.vvc.velero.io", SET)["status"]
    names = [each["name"] for each in status["restorePoint"]["backups"]]
    story.backup = movement.together(story.velero, "backup", SET, names)
    story.judged(verdict.on_movement(story.backup, story.pods))


def ask_restic(story: Story) -> None:
    """What restic itself says is in the repositories."""
    assert story.backup is not None
    with story.step("asking restic itself what is in the repositories") as say:
        found = []
        for namespace in NAMESPACES:
            say(namespace)
            found.append(repository.read(story.lab, story.velero, namespace))
        story.repositories = tuple(found)
    story.judged(verdict.on_repositories(story.backup, story.pods, found, story.before.volumes))


def _awaited_annotations() -> dict[str, str | None]:
    """The annotations once they are as they should be, else as they are when the time is up."""
    seen: dict[str, str | None] = {}

    def right() -> bool:
        seen.update({key: applications.annotation(pod) for key, pod in applications.pods().items()})
        return seen == ANNOTATIONS

    try:
        wait_until(right, "the annotations", seconds=ANNOTATION_SECONDS, every=0.5)
    except LabError:
        return seen  # the checks say what is not so
    # What the controller should leave alone must still be so when it is done with the rest.
    time.sleep(SETTLING_SECONDS)
    right()
    return seen
