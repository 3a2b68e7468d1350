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
    "a stray word in any of Go's spellings of a boolean": (
        "-logtostderr 1 -alsologtostderr T -c a.yml -skip_headers FALSE",
        ["run", "--config", "a.yml"],
    ),
    "a boolean flag with any value": ("-logtostderr=T -c a.yml", ["run", "--config", "a.yml"]),
    "the last path counts": ("-c a.yml --c=b.yml", ["run", "--config", "a.yml", "--config", "b.yml"]),
    "a value that begins with a dash is a value": ("-log_dir -v -c a.yml", ["run", "--config", "a.yml"]),
    "a value that holds an equals sign": ("-vmodule a=2 -c=x=y.yml", ["run", "--config", "x=y.yml"]),
    "an empty value is a value": ("-log_file= -c a.yml", ["run", "--config", "a.yml"]),
    "a flag of klog's that ends the line": ("-c a.yml -log_dir", ["run", "--config", "a.yml"]),
    "two dashes alone are left for the parser": (
        "-c a.yml -- b.yml",
        ["run", "--config", "a.yml", "--", "b.yml"],
    ),
    "a flag that neither knows is left for the parser to refuse": (
        "-c a.yml -x",
        ["run", "--config", "a.yml", "-x"],
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
