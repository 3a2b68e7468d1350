"""``vvc test``: a configuration's own tests, run without a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from velero_volume_controller.annotate.cases import Case, Result, judge
from velero_volume_controller.annotate.read_cases import read_cases
from velero_volume_controller.cli import report
from velero_volume_controller.cli.asking import read_text
from velero_volume_controller.cli.output import (
    counted,
    painter,
    print_json,
    print_lines,
    print_warnings,
    width,
)
from velero_volume_controller.config import ConfigurationError, Loaded, load
from velero_volume_controller.dumps.objects import Objects, collect, read_objects

#: Some case has failed.
EXIT_FAILED: Final = 1

#: The configuration beside the cases, and what the files of cases are called.
CONFIGURATION: Final = "config.yml"
PATTERN: Final = "*.test.yaml"

_EPILOG = """
\b
A directory holds config.yml (of either format) and cases, NAME.test.yaml. A
directory below it may hold a config.yml of its own; else the next one above
counts. A file holds one case, or a list of them:

\b
  - name: the database is backed up, its cache is not
    objects:            # or the name of a file of objects beside this one
    - apiVersion: v1
      kind: Pod
      metadata: {name: db-0, namespace: shop, labels: {app: db}}
      spec:
        nodeName: node1
        containers:
        - name: db
          volumeMounts:
          - {name: data, mountPath: /data}
          - {name: cache, mountPath: /cache}
        volumes:
        - {name: data, persistentVolumeClaim: {claimName: data-db-0}}
        - {name: cache, emptyDir: {}}
      status: {phase: Running}
    expect:
      shop/db-0:        # some of these:
        value: data     # the annotation by the rules; null: none
        volumes: {data: backup, cache: skip}
        rules: {data: databases}    # which decided; null: the default
        action: add     # update, remove, adopt, foreign, none
        after: data     # the annotation once that is done
    ownership: protect  # or legacy; not given: as config.yml says
    veleroVersion: 1.18.3           # whose abilities count

\b
Examples:
  vvc test rules/
  vvc test rules/ -k database
  vvc test rules/ --junit report.xml

\b
Exit status: 0 all passed; 1 some failed; 2 the cases or a configuration
can't be used.
"""


@click.command("test", epilog=_EPILOG, short_help="Run the test cases of a configuration.")
@click.argument("rules_dir", type=click.Path(path_type=Path))
@click.option("-k", "words", metavar="TEXT", help="Only cases whose file or name contains this text.")
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form."
)
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write a report for CI there, as JUnit XML.",
)
def test_rules(rules_dir: Path, words: str | None, output: str, junit: Path | None) -> int:
    """Run the cases in RULES_DIR: objects in, expected decisions out. Asks no cluster."""
    cases = [(case, _configuration(rules_dir, case)) for case in _cases(rules_dir, words)]
    results = _judged(cases)
    # Once for each file, though every case has it read.
    warnings = tuple(dict.fromkeys(warning for _, loaded in cases for warning in loaded.warnings))
    failed = any(result.failures for result in results)
    if output == "json":
        print_json(report.document(results, warnings))
    else:
        print_lines(report.text(results, width(), painter()))
    print_warnings(warnings)
    if junit is not None:
        report.write_junit(results, junit)
    return EXIT_FAILED if failed else 0


def _judged(cases: list[tuple[Case, Loaded]]) -> list[Result]:
    """Raises ConfigurationError with what is wrong with any of them: one a case."""
    results: list[Result] = []
    problems: list[str] = []
    for case, loaded in cases:
        try:
            results.append(judge(case, _objects(case), loaded.configuration))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(*problems)
    return results


def _cases(directory: Path, words: str | None) -> list[Case]:
    """In the order of their files' names. Raises ConfigurationError if there are none."""
    if not directory.is_dir():
        what = "is a file" if directory.exists() else "there is no such directory"
        raise ConfigurationError(
            f"{directory}: {what}, expected a directory that holds {CONFIGURATION} and {PATTERN}."
        )
    files = sorted(directory.rglob(PATTERN))
    if not files:
        raise ConfigurationError(
            f"{directory}: holds no cases, expected files named {PATTERN}. `vvc test --help` shows one."
        )
    cases = [case for file in files for case in read_cases(read_text(str(file))[0], str(file))]
    chosen = [case for case in cases if words is None or words in case.name or words in case.file]
    if not chosen:
        names = ", ".join(repr(case.name) for case in cases[:5])
        raise ConfigurationError(
            f"{directory}: -k {words!r} fits none of {counted(len(cases), 'case')}, such as {names}."
        )
    return chosen


def _configuration(directory: Path, case: Case) -> Loaded:
    """The config.yml nearest to a case, at most as far up as the directory that was named."""
    folder = Path(case.file).parent
    while True:
        if (folder / CONFIGURATION).exists():
            return load(folder / CONFIGURATION, case.ownership)
        if folder == directory:
            raise ConfigurationError(
                f"{case.file}: there is no {CONFIGURATION} beside it, nor above it up to {directory}."
                " Put the configuration to be tested there."
            )
        folder = folder.parent


def _objects(case: Case) -> Objects:
    if case.objects_file is None:
        return collect(case.items, case.file, case.velero)
    path = Path(case.file).parent / case.objects_file
    return read_objects(*read_text(str(path), f"objects in {case.file}:{case.line}"), case.velero)
