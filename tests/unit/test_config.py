"""The nine keys: what is read, what is refused, what is warned of."""

import os
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from velero_volume_controller.api.configuration import ClusterServer, Names, NamespaceFilter, Ownership
from velero_volume_controller.config import ConfigurationError, Loaded, load, load_text
from velero_volume_controller.config.document import compose
from velero_volume_controller.config.ninekeys import SECTIONS, VOLUME_SECTION, NineKeys, parse

TYPES_OF_PVC = frozenset({"persistentVolumeClaim"})


def volume_keys(*lines: str) -> str:
    return "veleroVolumeCfg:\n" + "".join(f"  {line}\n" for line in lines)


def nine_keys(text: str) -> NineKeys:
    root, _ = compose(text, "f")
    return parse(root, "f")


def loaded(*lines: str, ownership: Ownership = Ownership.PROTECT) -> Loaded:
    return load_text(volume_keys(*lines), "config.yml", ownership)


SCALARS = {
    "a word": ("shop", "shop"),
    "no is not false": ("no", "no"),
    "a leading zero is not octal": ("0123", "0123"),
    "a version is not a number": ("1.0", "1.0"),
    "a date is not a date": ("2020-01-01", "2020-01-01"),
    "quotes are taken off": ("'a,b'", "a,b"),
    "null is empty": ("null", ""),
    "a tilde is empty": ("~", ""),
    "nothing is empty": ("", ""),
    "null by its tag is empty": ("!!null", ""),
    "null by its tag and its word is empty": ("!!null null", ""),
    "a text by its tag": ("!!str null", "null"),
    "null in quotes is a name": ('"null"', "null"),
    "a comment is no value": ("# none", ""),
    "an anchor's alias is its text": ("&a shop", "shop"),
    "a tab before a comment is white space": ("shop\t# it's the shop", "shop"),
    "a tab at the end is white space": ("shop \t ", "shop"),
    "a tab before the value is white space": ("\tshop", "shop"),
    "a tab in quotes is kept": ('"a\tb"', "a\tb"),
}


@pytest.mark.parametrize(("written", "read"), SCALARS.values(), ids=SCALARS.keys())
def test_scalars_keep_the_text_that_was_typed(written: str, read: str) -> None:
    assert nine_keys(volume_keys(f"includeNamespaces: {written}"))["includeNamespaces"] == read


@given(st.dictionaries(st.sampled_from(sorted(SECTIONS[VOLUME_SECTION])), st.text()))
def test_any_text_is_read_back_as_it_was_written(values: dict[str, str]) -> None:
    text = yaml.safe_dump({VOLUME_SECTION: values})
    keys = nine_keys(text)
    assert {key: keys[key] for key in values} == values
    assert keys.warnings == []


@given(st.text())
def test_any_file_is_read_or_refused_with_a_message_that_names_it(text: str) -> None:
    try:
        load_text(text, "config.yml")
    except ConfigurationError as error:
        message = str(error)
    else:
        return
    assert message.startswith("config.yml:")
    assert "\n" not in message


@pytest.mark.parametrize(
    "text",
    ["", "# only a comment\n", "---\n", "veleroVolumeCfg:\n", "clusterServerCfg: {}\n", "~\n"],
    ids=["nothing", "a comment", "an empty document", "an empty section", "one section", "null"],
)
def test_what_is_missing_has_defaults(text: str) -> None:
    configuration = load_text(text, "config.yml").configuration
    assert configuration.cluster == ClusterServer("", "", "velero", "velero-volume-controller")
    (rule,) = configuration.rules
    assert rule.namespaces == NamespaceFilter()
    assert rule.volumes.types == TYPES_OF_PVC


def test_all_nine_keys_arrive() -> None:
    text = (
        "clusterServerCfg: {masterURL: 'https://a:1', kubeConfig: /k, "
        "leaseLockNamespace: n, leaseLockName: l}\n"
        "veleroVolumeCfg: {includeNamespaces: 'a,b', excludeNamespaces: , "
        "includeVolumeTypes: , excludeVolumeTypes: persistentVolumeClaim, excludeJobs: '*-cron,x'}\n"
    )
    configuration, warnings = (got := load_text(text, "f")).configuration, got.warnings
    (rule,) = configuration.rules
    assert configuration.cluster == ClusterServer("https://a:1", "/k", "n", "l")
    assert rule.namespaces == NamespaceFilter(Names(frozenset({"a", "b"})))
    assert rule.pods.exclude_jobs == ("*-cron", "x")
    assert rule.volumes.types == frozenset()
    assert warnings == ()


TYPES: dict[str, tuple[list[str], Ownership, set[str]]] = {
    "nothing set means PVCs": ([], Ownership.PROTECT, {"persistentVolumeClaim"}),
    "an included type is taken beside PVCs only if PVCs are named too": (
        ["includeVolumeTypes: emptyDir"],
        Ownership.PROTECT,
        {"emptyDir"},
    ),
    "excluding a type never adds another": (
        ["excludeVolumeTypes: secret"],
        Ownership.PROTECT,
        {"persistentVolumeClaim"},
    ),
    "excluding PVCs leaves nothing": (
        ["excludeVolumeTypes: persistentVolumeClaim"],
        Ownership.PROTECT,
        set(),
    ),
    "legacy knows PVCs only": (
        ["includeVolumeTypes: 'emptyDir,persistentVolumeClaim'"],
        Ownership.LEGACY,
        {"persistentVolumeClaim"},
    ),
    "legacy with another type alone takes nothing": (
        ["includeVolumeTypes: emptyDir"],
        Ownership.LEGACY,
        set(),
    ),
}


@pytest.mark.parametrize(("lines", "ownership", "types"), TYPES.values(), ids=TYPES.keys())
def test_types_of_volumes(lines: list[str], ownership: Ownership, types: set[str]) -> None:
    (rule,) = loaded(*lines, ownership=ownership).configuration.rules
    assert rule.volumes.types == types


REFUSED: dict[str, tuple[str, list[str]]] = {
    "a list where text belongs": (
        volume_keys("includeNamespaces:", "- a", "- b"),
        ["config.yml:2: key includeNamespaces: expected text, found a list", 'includeNamespaces: "a,b"'],
    ),
    "a map where text belongs": (
        volume_keys("excludeJobs: {a: b}"),
        ["config.yml:2: key excludeJobs: expected text, found a map"],
    ),
    "an unquoted star": (
        volume_keys("excludeJobs: *-cron"),
        ["config.yml:2: ", "*-cron is not in quotes", "alias", 'Write "*-cron"'],
    ),
    "a star alone": (volume_keys("excludeJobs: *"), ["config.yml:2: ", "alias", 'Write "*"']),
    "an unquoted star before a comma": (
        volume_keys("excludeJobs: *-a,b # why"),
        ["config.yml:2: ", 'Write "*-a,b"'],
    ),
    "an unquoted star in braces": (
        "veleroVolumeCfg: {excludeJobs: *x}\n",
        ["config.yml:1: ", "an unquoted * is an alias"],
    ),
    "an unquoted star before a brace": (
        "veleroVolumeCfg: {includeNamespaces: *}\n",
        ["config.yml:1: * is not in quotes", 'Write "*".'],
    ),
    "an unquoted star among others": (
        "veleroVolumeCfg: {excludeJobs: *-a, includeNamespaces: b}\n",
        ["config.yml:1: *-a is not in quotes", 'Write "*-a".'],
    ),
    "an unquoted star in brackets over several lines": (
        volume_keys("excludeJobs: [", "  *-a,", "  b]"),
        ["config.yml:3: *-a is not in quotes", 'Write "*-a".'],
    ),
    "an unquoted star before words": (
        volume_keys("excludeJobs: *-a, *b"),
        ["config.yml:2: ", 'Write "*-a, *b".'],
    ),
    "an unquoted star behind a text in quotes": (
        "'a': [\"b\", *]\n",
        ["config.yml:1: * is not in quotes", 'Write "*".'],
    ),
    "an unquoted star with quotes behind it": (
        volume_keys('excludeJobs: *-"a"'),
        ['config.yml:2: *-"a" is not in quotes', "Put it in quotes."],
    ),
    "an unquoted star that goes on and on": (
        volume_keys(f"excludeJobs: *{'a' * 1000}"),
        [f"config.yml:2: '*{'a' * 79}'… is not in quotes", "Put it in quotes."],
    ),
    "a line that goes on and on": (
        f"a: b: {'c' * 1000}\n",
        ["config.yml:1: is not YAML", "Correct the line 'a: b: ", "'…."],
    ),
    "namespaces both included and excluded": (
        volume_keys("includeNamespaces: a", "excludeNamespaces: b"),
        ["config.yml:3: key excludeNamespaces: ", "found both (includeNamespaces on line 2)", "Empty one"],
    ),
    "types both included and excluded": (
        volume_keys("excludeVolumeTypes: a", "includeVolumeTypes: b"),
        ["config.yml:2: key excludeVolumeTypes: ", "includeVolumeTypes on line 3"],
    ),
    "a section that is text": (
        "veleroVolumeCfg: all\n",
        ["config.yml:1: key veleroVolumeCfg: expected keys below it, found the text 'all'"],
    ),
    "a file that is a list": ("- a\n", ["config.yml:1: expected the sections", "found a list"]),
    "a file that is a word": ("hello\n", ["config.yml:1: expected the sections", "found the text 'hello'"]),
    "a key that is a map": ("{a: b}: c\n", ["config.yml:1: expected a key, found a map"]),
    "a tab": ("veleroVolumeCfg:\n\tincludeNamespaces: a\n", ["config.yml:2: ", "tab", "spaces"]),
    "a quote that never ends": ('veleroVolumeCfg: "\n', ["config.yml:", "is not YAML"]),
    "a control character": ("a: \x07\n", ["config.yml:1: ", "#x0007", "Remove it"]),
    "a merge key": ("a: &a {}\nveleroVolumeCfg:\n  <<: *a\n", ["config.yml:3: key <<: merge keys"]),
    "brackets without end": ("[" * 5000, ["config.yml:1: ", "nested too deeply"]),
    "a null that is a name": (
        volume_keys("includeNamespaces: !!null bank"),
        ["config.yml:2: !!null stands before 'bank', which is not null. Remove !!null."],
    ),
    "a null in quotes that is a name": (
        volume_keys("includeNamespaces: !!null 'null'"),
        ["config.yml:2: !!null stands before 'null'"],
    ),
    "a section that is a name and null": (
        "veleroVolumeCfg: !!null bank\n",
        ["config.yml:1: !!null stands before 'bank'"],
    ),
    "half a character": (
        volume_keys("excludeJobs: a", 'includeNamespaces: "shop-\\ud800"'),
        ["config.yml:3: holds half a character", "Write the character itself."],
    ),
    "half a character in a key": ('"\\udfff": a\n', ["config.yml:1: holds half a character"]),
    "the ConfigMap instead of what is in it": (
        "apiVersion: v1\nkind: ConfigMap\ndata: {}\n",
        ["config.yml:1: is a Kubernetes object of kind ConfigMap", "config.yml"],
    ),
    "another Kubernetes object": (
        "apiVersion: v1\nkind: Secret\n",
        ["config.yml:1: is a Kubernetes object of kind Secret"],
    ),
    "a lease name that cannot exist": (
        "clusterServerCfg:\n  leaseLockName: My Lease\n",
        ["config.yml:2: key leaseLockName: expected a name", "'My Lease'"],
    ),
    "a lease namespace that cannot exist": (
        "clusterServerCfg: {leaseLockNamespace: a.b}\n",
        ["config.yml:1: key leaseLockNamespace: expected a name", "'a.b'"],
    ),
    "a server that is no URL": (
        "clusterServerCfg: {masterURL: 'ftp://10.0.0.1'}\n",
        ["config.yml:1: key masterURL: expected a URL", "'ftp://10.0.0.1'"],
    ),
    "a server without a host": (
        "clusterServerCfg: {masterURL: 'https://'}\n",
        ["config.yml:1: key masterURL: expected a URL", "'https://'"],
    ),
}


@pytest.mark.parametrize(
    "server", ["10.0.0.1:6443", "api.example.com", "[fd00::1]:6443", "http://10.0.0.1/x"]
)
def test_a_server_may_be_a_url_or_a_host_and_port_as_for_client_go(server: str) -> None:
    loaded = load_text(f"clusterServerCfg: {{masterURL: '{server}'}}\n", "config.yml")
    assert loaded.configuration.cluster.master_url == server


@pytest.mark.parametrize(("text", "parts"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_used_is_refused_with_one_sentence_that_helps(text: str, parts: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_text(text, "config.yml")
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message
    assert "\n" not in message


NOTHING_SET = (
    "config.yml: sets nothing, which means every PersistentVolumeClaim of every namespace. "
    "If that is not meant, write what is."
)

WARNED: dict[str, tuple[str, str]] = {
    "an unknown key": (
        volume_keys("includeNamespace: a"),
        "config.yml:2: key includeNamespace is unknown and ignored. Did you mean includeNamespaces?",
    ),
    "an unknown section": (
        "veleroVolumeConfig:\n",
        "config.yml:1: key veleroVolumeConfig is unknown and ignored. Did you mean veleroVolumeCfg?",
    ),
    "a key in the other section": (
        "clusterServerCfg: {excludeJobs: a}\n",
        "config.yml:1: key excludeJobs belongs in section veleroVolumeCfg, not clusterServerCfg: "
        "ignored. Move it there.",
    ),
    "a key outside its section": (
        "includeNamespaces: bank\nveleroVolumeCfg:\n",
        "config.yml:1: key includeNamespaces belongs in section veleroVolumeCfg, not at the top: ignored, "
        "as if it were not set. Move it there.",
    ),
    "a key set twice": (
        volume_keys("excludeJobs: a", "excludeJobs: b"),
        "config.yml:3: key excludeJobs is set twice (first on line 2); "
        "the last one counts. Remove the other.",
    ),
    "spaces in lists, once for all of them": (
        volume_keys("includeNamespaces: a, b", "excludeJobs: x ,y"),
        "config.yml:2: key includeNamespaces: spaces or empty entries between commas are ignored "
        "(in includeNamespaces, excludeJobs); the Go program compared them too.",
    ),
    "a star where it is not special": (
        volume_keys("includeNamespaces: shop-*"),
        "config.yml:2: key includeNamespaces: 'shop-*' is compared exactly and matches no namespace: "
        "only excludeJobs knows *.",
    ),
    "a name that no namespace can have": (
        volume_keys("excludeNamespaces: Shop"),
        "config.yml:2: key excludeNamespaces: 'Shop' cannot be the name of a namespace, so it matches none.",
    ),
    "a name that is too long for a namespace": (
        volume_keys(f"excludeNamespaces: {'a' * 64}"),
        f"config.yml:2: key excludeNamespaces: '{'a' * 64}' cannot be the name of a namespace, "
        "so it matches none.",
    ),
    "a type that does not exist": (
        volume_keys("includeVolumeTypes: pvc"),
        "config.yml:2: key includeVolumeTypes: 'pvc' is no type of volume, so it matches none. "
        "Did you mean persistentVolumeClaim?",
    ),
    "a list that lists nothing": (
        volume_keys("includeNamespaces: 'a'", "excludeJobs: ' '"),
        "config.yml:3: key excludeJobs: lists no name, so it matches nothing. "
        "Leave it empty if unset is meant.",
    ),
    "a second document": (
        "veleroVolumeCfg:\n---\na: b\n",
        "config.yml: holds more than one YAML document; only the first is read. Remove the others.",
    ),
    "an empty file": ("# gone\n", NOTHING_SET),
    "empty sections": ("veleroVolumeCfg: {includeNamespaces: }\nclusterServerCfg:\n", NOTHING_SET),
    "misspelt keys alone": ("veleroVolumeCfg: {includeNamespace: a}\n", NOTHING_SET),
}


@pytest.mark.parametrize(("text", "warning"), WARNED.values(), ids=WARNED.keys())
def test_what_looks_wrong_is_warned_of(text: str, warning: str) -> None:
    assert warning in load_text(text, "config.yml").warnings


def test_a_line_that_is_no_yaml_is_explained_at_once_however_long_it_is() -> None:
    text = f"a: *x{' ' * 500_000}b\n"
    begin = time.process_time()
    with pytest.raises(ConfigurationError, match=r"config\.yml:1: \*x is not in quotes"):
        load_text(text, "config.yml")
    assert time.process_time() - begin < 3


def test_empty_documents_before_the_first_are_no_documents() -> None:
    loaded = load_text("---\n# nothing\n---\nveleroVolumeCfg: {excludeJobs: a}\n", "f")
    assert loaded.warnings == ()
    assert loaded.configuration.rules[0].pods.exclude_jobs == ("a",)


def test_an_include_list_of_commas_lets_nothing_in() -> None:
    (rule,) = loaded("includeNamespaces: ','").configuration.rules
    assert rule.namespaces.include == Names()


def test_the_key_set_last_counts() -> None:
    (rule,) = loaded("excludeJobs: a", "excludeJobs: b").configuration.rules
    assert rule.pods.exclude_jobs == ("b",)


def test_a_file_is_read_with_its_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_bytes(b"\xef\xbb\xbfveleroVolumeCfg:\r\n  excludeJobs: a\r\n")
    got = load(path)
    assert got.configuration.rules[0].pods.exclude_jobs == ("a",)
    assert got.configuration.source == str(path)


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no such file\. .* -c PATH"):
        load(tmp_path / "none.yml")


def test_a_directory_says_which_file_to_try(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"is a directory.*config\.yml"):
        load(tmp_path)


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yml"
    path.write_bytes(b"a: b\nc: \xe9\n")
    with pytest.raises(ConfigurationError, match=r"latin\.yml:2: is not UTF-8 text \(byte 0xe9\)"):
        load(path)


def test_a_file_larger_than_a_config_map_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.yml"
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(ConfigurationError, match="larger than 1 MiB"):
        load(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "secret.yml"
    path.touch(mode=0)
    with pytest.raises(ConfigurationError, match="may not be read by this user"):
        load(path)


def test_a_path_with_a_nul_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is no path"):
        load(Path("a\0b"))
