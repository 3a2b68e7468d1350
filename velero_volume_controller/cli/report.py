"""What ``vvc test`` found, as text, as JSON, and as JUnit XML for CI."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from velero_volume_controller.annotate.cases import Failure, Result
from velero_volume_controller.cli.output import Paint, counted, safe, wrap
from velero_volume_controller.config import ConfigurationError

#: What a person may mean by "none", and how it is written.
_NULLS: Final = {
    "value": "for no annotation write null",
    "after": "for no annotation write null",
    "rules": "for no rule, the default, write null",
}


def text(results: list[Result], columns: int, paint: Paint) -> Iterator[str]:
    """A line for each case, what failed below it, and the count."""
    file = None
    for result in results:
        case = result.case
        if case.file != file:
            file = case.file
            yield safe(file)
        if result.failures:
            yield from (paint(line, "red") for line in wrap(safe(case.name), columns, "  FAILED "))
        else:
            yield from (paint(line, "green") for line in wrap(safe(case.name), columns, "  passed "))
        for failure in result.failures:
            yield from _failure(failure, columns, paint)
        for warning in result.warnings if result.failures else ():
            yield from wrap(f"note: {safe(warning)}", columns, "    ")
    failed = sum(bool(result.failures) for result in results)
    yield f"{counted(len(results), 'case')}: {len(results) - failed} passed, {failed} failed."


def _failure(failure: Failure, columns: int, paint: Paint) -> Iterator[str]:
    check = failure.check
    yield from wrap(f"line {check.line}: {_subject(failure)}", columns, "    ")
    yield from (paint(line, "green") for line in wrap(_value(check.expected), columns, "      expected "))
    yield from (paint(line, "red") for line in wrap(_value(failure.found), columns, "      found    "))
    if check.expected == "none" and check.what in _NULLS:
        yield from wrap(f"none is text here: {_NULLS[check.what]}", columns, "               ")
    for step in failure.steps:
        sign = "      → " if step.decided else "        "
        yield from wrap(f"{safe(step.asked)}: {safe(step.said)}", columns, sign)


def _subject(failure: Failure) -> str:
    """What was looked at: a pod's annotation, or one of its volumes."""
    check = failure.check
    what = f"{check.what}.{check.volume}" if check.volume else check.what
    return safe(f"pod {'/'.join(check.pod)}: {what}")


def _value(value: str | None) -> str:
    return "none" if value is None else safe(value) or "''"


def document(results: list[Result], warnings: tuple[str, ...]) -> dict[str, Any]:
    """The results as JSON values; ``warnings`` are about the configurations."""
    failed = sum(bool(result.failures) for result in results)
    cases = [
        {
            "file": result.case.file,
            "line": result.case.line,
            "name": result.case.name,
            "passed": not result.failures,
            "failures": [_failure_document(failure) for failure in result.failures],
        }
        for result in results
    ]
    counts = {"cases": len(results), "passed": len(results) - failed, "failed": failed}
    return {"cases": cases, "summary": counts | {"warnings": list(warnings)}}


def _failure_document(failure: Failure) -> dict[str, Any]:
    check = failure.check
    return {
        "line": check.line,
        "namespace": check.pod[0],
        "pod": check.pod[1],
        "what": check.what,
        "volume": check.volume or None,
        "expected": check.expected,
        "found": failure.found,
        "steps": [
            {"asked": each.asked, "decided": each.decided, "said": each.said} for each in failure.steps
        ],
    }


def write_junit(results: list[Result], path: Path) -> None:
    """JUnit XML: a suite for each file; of a failed case the lines that the terminal gets."""
    suites = ElementTree.Element("testsuites")
    by_file: dict[str, list[Result]] = {}
    for result in results:
        by_file.setdefault(result.case.file, []).append(result)
    for file, members in by_file.items():
        failed = sum(bool(result.failures) for result in members)
        counts = {"tests": str(len(members)), "failures": str(failed), "errors": "0"}
        suite = ElementTree.SubElement(suites, "testsuite", {"name": safe(file), **counts})
        for result in members:
            case = ElementTree.SubElement(
                suite, "testcase", name=safe(result.case.name), classname=safe(file), file=safe(file)
            )
            if result.failures:
                # One element for all: few readers of JUnit XML take more.
                subjects = "; ".join(_subject(failure) for failure in result.failures)
                told = ElementTree.SubElement(case, "failure", message=subjects)
                lines = (_failure(failure, 100, lambda text, _: text) for failure in result.failures)
                told.text = "\n".join(itertools.chain.from_iterable(lines))
    try:
        ElementTree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: can't be written: {error.strerror}. Name another file with --junit."
        ) from None
