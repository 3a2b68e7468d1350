"""The timeline of the volumes, as an SVG that takes its colours from the page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from hack.demo.movement import Movement, VolumeMovement

# All in pixels of the drawing.
LEFT, RIGHT, TOP, LEAD, ROW, BAR = 240, 24, 32, 6, 26, 14
WIDTH = 1040
LEAST = 3.0  # a bar of less than a second must still be seen
TICK_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)  # seconds
MOST_TICKS = 14


@dataclass(frozen=True)
class Phase:
    """A stretch of the story, shown as a band behind the volumes."""

    text: str
    started: datetime
    completed: datetime


@dataclass(frozen=True)
class _Scale:
    begin: datetime
    seconds: float

    def x(self, when: datetime) -> float:
        return LEFT + (when - self.begin).total_seconds() / self.seconds * (WIDTH - LEFT - RIGHT)


def draw(movements: Iterable[Movement], phases: Iterable[Phase], pods: Mapping[str, str]) -> str:
    """One row a volume, with a bar for its backup and one for its restore.

    A thin line leads from the moment Velero asked for it to the moment data moved.
    """
    moved = [(movement.kind, volume) for movement in movements for volume in movement.volumes]
    bands = list(phases)
    if not moved or not bands:
        return "<p>No volume was moved.</p>"
    keys = list(dict.fromkeys(_key(volume, pods) for _, volume in moved))
    begin = min(band.started for band in bands)
    scale = _Scale(begin, max((max(band.completed for band in bands) - begin).total_seconds(), 1))
    bottom = TOP + ROW * len(keys)
    labelled = 'role="img" aria-labelledby="timeline-title timeline-text"'
    parts = [
        f'<svg {labelled} viewBox="0 0 {WIDTH} {bottom + 28}">',
        '<title id="timeline-title">Timeline of the volumes</title>',
        '<desc id="timeline-text">When each volume was backed up and restored, in seconds from the'
        " beginning of the Backup; the table below holds the same figures.</desc>",
        *(_band(band, scale, bottom, number) for number, band in enumerate(bands)),
        *_ticks(scale, bottom),
        *(
            f'<text class="label" x="0" y="{_middle(row) + 4}">{escape(key)}</text>'
            for row, key in enumerate(keys)
        ),
        *(_bar(kind, volume, keys.index(_key(volume, pods)), scale) for kind, volume in moved),
        "</svg>",
    ]
    return "\n".join(parts)


def _key(volume: VolumeMovement, pods: Mapping[str, str]) -> str:
    return f"{pods.get(volume.pod, volume.pod)}:{volume.volume}"


def _middle(row: int) -> float:
    return TOP + ROW * row + ROW / 2


def _band(band: Phase, scale: _Scale, bottom: float, number: int) -> str:
    left, right = scale.x(band.started), scale.x(band.completed)
    return (
        f'<rect class="band band-{number % 2}" x="{left:.1f}" y="{TOP - LEAD}"'
        f' width="{max(right - left, LEAST):.1f}" height="{bottom - TOP + LEAD}"/>'
        f'<text class="phase" x="{left + 6:.1f}" y="{TOP - LEAD - 6}">{escape(band.text)}</text>'
    )


def _ticks(scale: _Scale, bottom: float) -> Iterable[str]:
    step = next((step for step in TICK_STEPS if scale.seconds / step <= MOST_TICKS), TICK_STEPS[-1])
    for seconds in range(0, int(scale.seconds) + 1, step):
        x = scale.x(scale.begin + timedelta(seconds=seconds))
        yield f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - LEAD}" y2="{bottom}"/>'
        yield f'<text class="second" x="{x:.1f}" y="{bottom + 18}">{seconds} s</text>'


def _bar(kind: str, volume: VolumeMovement, row: int, scale: _Scale) -> str:
    y = _middle(row)
    started = volume.started or volume.created
    completed = volume.completed or started
    left = scale.x(started)
    width = max(scale.x(completed) - left, LEAST)
    seconds = (completed - started).total_seconds()
    return (
        f'<line class="wait" x1="{scale.x(volume.created):.1f}" x2="{left:.1f}" y1="{y}" y2="{y}"/>'
        f'<rect class="bar {kind.lower()}" x="{left:.1f}" y="{y - BAR / 2}" width="{width:.1f}"'
        f' height="{BAR}" rx="3"><title>{kind}: {volume.phase}, {seconds:.0f} s</title></rect>'
    )
