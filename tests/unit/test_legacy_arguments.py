"""How the Go program is called, and what becomes of it."""

import pytest

from velero_volume_controller.cli.legacy_arguments import translate

CASES: dict[str, tuple[str, list[str]]] = {
    "as the Go program's own image calls it": (
        "-c /velero-volume-controller/examples/config.yml -v 4 -logtostderr true",
        ["run", "--config", "/velero-volume-controller/examples/config.yml", "-v", "4"],
    ),
    "two dashes and an equals sign": (
        "--c=a.yml --v=2 --logtostderr=true",
        ["run", "--config", "a.yml", "-v", "2"],
    ),
    "one dash and an equals sign": ("-c=a.yml -v=4", ["run", "--config", "a.yml", "-v", "4"]),
    "a threshold with its value": ("-c a.yml -stderrthreshold INFO", ["run", "--config", "a.yml"]),
    "a threshold with an equals sign": ("-stderrthreshold=2 -c a.yml", ["run", "--config", "a.yml"]),
    "log everywhere": ("-alsologtostderr -c a.yml", ["run", "--config", "a.yml"]),
    "stray words do not hide what follows": ("-logtostderr true -v 4 False", ["run", "-v", "4"]),
    "a value that is a stray word stays": ("-v=true", ["run", "-v", "true"]),
    "our own options beside the Go program's": (
        "-c a.yml --metrics-address off -ownership=legacy",
        ["run", "--config", "a.yml", "--metrics-address", "off", "--ownership=legacy"],
    ),
    "another stray word is left for the parser to refuse": (
        "-c a.yml b.yml",
        ["run", "--config", "a.yml", "b.yml"],
    ),
    "a flag that lacks its value is left for the parser to refuse": ("-c", ["run", "--config"]),
    "a command is left alone": ("run -c a.yml -v 4", ["run", "-c", "a.yml", "-v", "4"]),
    "help is help": ("--help", ["--help"]),
    "a version is a version": ("--version", ["--version"]),
    "nothing is nothing": ("", []),
}


@pytest.mark.parametrize(("written", "read"), CASES.values(), ids=CASES.keys())
def test_arguments(written: str, read: list[str]) -> None:
    assert list(translate("vvc", written.split()).arguments) == read


@pytest.mark.parametrize("program", ["velero-volume-controller", "__main__.py"])
def test_called_in_place_of_the_go_program_without_arguments_it_runs(program: str) -> None:
    assert translate(program, []).arguments == ("run",)


def test_flags_that_asked_for_a_file_are_named() -> None:
    assert translate("vvc", ["-log_file=/x", "-log_dir", "/y", "-skip_headers", "-v", "1"]).dropped == (
        "log_file",
        "log_dir",
    )
