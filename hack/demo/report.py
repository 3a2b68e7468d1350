"""The HTML report: one file that loads nothing from elsewhere and reads in light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from hack.demo import timeline
from hack.demo.applications import ANNOTATIONS, CONFIG, VOLUMES
from hack.demo.movement import Movement
from hack.demo.story import Story
from hack.demo.summary import restored, struck, undone
from hack.demo.timeline import Phase

STYLE = Path(__file__).with_name("report.css")
SHOWN_DIGITS = 16


def save(story: Story, path: Path) -> None:
    """Write the report of a story."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(story))


def render(story: Story) -> str:
    """The whole page."""
    title = f"From ConfigMap to restore and back: Velero {story.velero.version} with {story.velero.uploader}"
    sections = (
        _head(story, title),
        _timeline(story),
        _volumes(story),
        _annotations(story),
        *_repositories(story),
        _movements(story),
        _checks(story),
        _steps(story),
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE.read_text()}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(sections)
        + "\n</main>\n</body>\n</html>\n"
    )


def _head(story: Story, title: str) -> str:
    failed = sum(not check.held for check in story.checks)
    text, colour = (
        (f"All {len(story.checks)} checks held.", "good")
        if story.held
        else (f"{failed} of {len(story.checks)} checks failed.", "bad")
    )
    protected = [volume for volume in VOLUMES if volume.backed_up]
    files = sum(len(story.before.volumes[volume.key].files) for volume in protected)
    size = sum(story.before.volumes[volume.key].size for volume in protected) / 1e6
    tiles = {
        "volumes backed up": f"{len(story.backup.volumes) if story.backup else 0} of {len(VOLUMES)}",
        "files to protect": f"{files:,}",
        "data to protect": f"{size:.1f} MB",
        "BackupSet took": _took(story.backup),
        "undo backup took": _took(story.undo_backup),
        "Restores took": _took(story.restore),
        "undone in": _took(story.undo),
    }
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles.items())
    return (
        f'<h1>{escape(title)}</h1>\n<p class="soft">{story.steps[0].started:%-d %B %Y, %H:%M UTC}</p>\n'
        f'<p class="verdict {colour}">{text}</p>\n<dl class="tiles">{listed}</dl>'
    )


def _timeline(story: Story) -> str:
    moved = _moved(story)
    names = ("BackupSet", "undo backup", "CleanRestore", "undone")
    bands = zip(names, (story.backup, story.undo_backup, story.restore, story.undo), strict=True)
    phases = [Phase(name, band.started, band.completed) for name, band in bands if band]
    if story.backup and story.undo_backup:
        phases.insert(1, Phase("disaster", story.backup.completed, story.undo_backup.started))
    key = (
        '<p class="key soft"><i class="backup" style="margin-left:0"></i>backed up'
        '<i class="restore"></i>restored<i class="waiting"></i>asked for, waiting</p>'
    )
    drawing = timeline.draw(moved, phases, story.pods)
    figure = f'<figure class="wide" tabindex="0" aria-label="Timeline">\n{drawing}\n</figure>'
    return f"<h2>Timeline</h2>\n{key}\n{figure}"


def _volumes(story: Story) -> str:
    rows = []
    for volume in VOLUMES:
        before, after = story.before.volumes.get(volume.key), story.after.volumes.get(volume.key)
        hit = story.struck.volumes.get(volume.key)
        text, right = restored(volume, before, after)
        again, back = undone(volume, before, hit, story.undone.volumes.get(volume.key))
        colour = "bad" if not right else "good" if volume.backed_up else "soft"
        rows.append(
            (
                f'<th scope="row">{escape(volume.key)}</th>',
                _cell(volume.type),
                _number(f"{len(before.files):,}" if before else ""),
                _number(f"{before.size / 1e6:.2f}" if before else ""),
                f"<td><code>{before.sha256[:SHOWN_DIGITS] if before and before.files else ''}</code></td>",
                f"<td><code>{after.sha256[:SHOWN_DIGITS] if after and after.files else ''}</code></td>",
                _cell(struck(before, hit)),
                f'<td class="{colour}">{escape(text)}</td>',
                f'<td class="{"soft" if back else "bad"}">{escape(again)}</td>',
            )
        )
    texts = ("Disaster", "Restored", "Undone")
    columns = ("Volume", "Type", "#Files", "#MB", "SHA-256 before", "SHA-256 restored", *texts)
    note = (
        f'<p class="soft">A digest is over the path and the SHA-256 of every file; its first {SHOWN_DIGITS}'
        " digits are shown.</p>"
    )
    return f"<h2>Volumes</h2>\n{note}\n{_table(columns, rows)}"


def _annotations(story: Story) -> str:
    because = {volume.pod: volume.because for volume in reversed(VOLUMES)}
    rows = []
    for pod, expected in ANNOTATIONS.items():
        found = story.annotations.get(pod)
        colour, why = (
            ("", because[pod]) if found == expected else ("bad", f"it should be {expected or 'none'}")
        )
        rows.append(
            (
                f'<th scope="row">{escape(pod)}</th>',
                f'<td class="{colour}"><code>{escape(found or "none")}</code></td>',
                f'<td class="{colour}">{escape(why)}</td>',
            )
        )
    table = _table(("Pod", "backup.velero.io/backup-volumes", "Because"), rows)
    config = f"<p>From this ConfigMap:</p>\n<pre>{escape(CONFIG.read_text())}</pre>"
    return f"<h2>Annotations</h2>\n{table}\n{config}"


def _repositories(story: Story) -> Iterable[str]:
    for repository in story.repositories:
        yield (
            f"<h2>restic repository of {escape(repository.namespace)}</h2>\n<pre>$ restic -r"
            f" {escape(repository.location)} snapshots\n{escape(repository.printed.strip())}</pre>"
        )


def _movements(story: Story) -> str:
    moved = _moved(story)
    begin = moved[0].started if moved else None
    rows = []
    for movement in moved:
        for volume in movement.volumes:
            key = f"{story.pods.get(volume.pod, volume.pod)}:{volume.volume}"
            offsets = [
                f"{(when - begin).total_seconds():.0f}" if when and begin else ""
                for when in (volume.created, volume.started, volume.completed)
            ]
            rows.append(
                (
                    f'<th scope="row">{escape(key)}</th>',
                    _cell(movement.kind),
                    _cell(volume.phase),
                    *map(_number, offsets),
                    _number(f"{volume.bytes:,}"),
                )
            )
    columns = ("Volume", "Kind", "Phase", "#Asked for, s", "#Started, s", "#Completed, s", "#Bytes")
    return f"<h2>Movements</h2>\n{_table(columns, rows)}"


def _checks(story: Story) -> str:
    rows = [
        (
            f'<td class="{"good" if check.held else "bad"}">{"held" if check.held else "failed"}</td>',
            _cell(check.what),
            _cell(check.expected),
            _cell("the same" if check.held else check.found),
        )
        for check in sorted(story.checks, key=lambda check: check.held)
    ]
    return f"<h2>Checks</h2>\n{_table(('Result', 'What', 'Expected', 'Found'), rows)}"


def _steps(story: Story) -> str:
    rows = [
        (_cell(step.text), _number(f"{(step.completed - step.started).total_seconds():.1f}"))
        for step in story.steps
    ]
    return f"<h2>Steps</h2>\n{_table(('Step', '#Seconds'), rows)}"


def _moved(story: Story) -> list[Movement]:
    """What Velero moved, in the order in which it did."""
    every = (story.backup, story.undo_backup, story.restore, story.undo)
    return [movement for movement in every if movement]


def _took(movement: Movement | None) -> str:
    return f"{(movement.completed - movement.started).total_seconds():.0f} s" if movement else "–"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of ready-made cells; a column whose name begins with # holds numbers."""
    head = "".join(_column(name) for name in columns)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    return f'<div class="wide">{table}</div>'


def _column(name: str) -> str:
    kind = ' class="number"' if name.startswith("#") else ""
    return f'<th scope="col"{kind}>{escape(name.lstrip("#"))}</th>'


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'
