"""Reading YAML: what is refused, and that it is refused fast."""

from pathlib import Path

import pytest

from seqbench.config.yaml_file import dump_yaml, read_value, read_yaml
from seqbench.errors import ConfigError


def fault(directory: Path, content: bytes) -> str:
    path = directory / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path, "config file")
    return str(caught.value).removeprefix(f"{directory}/")


def test_every_key_and_entry_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# head\na:\n  b: 1\n  c:\n  - 2\n  - {d: 3}\n")
    document = read_yaml(tmp_path / "c.yaml", "config file")
    assert document.value == {"a": {"b": 1, "c": [2, {"d": 3}]}}
    assert document.lines == {
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c"): 4,
        ("a", "c", 0): 5,
        ("a", "c", 1): 6,
        ("a", "c", 1, "d"): 6,
    }


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(ord("b"), ord("j"))
)
FAULTS = {
    "aliases that multiply": (
        BOMB,
        "c.yaml:1: not valid YAML: over 100000 values once aliases are spelled out",
    ),
    "an alias within itself": (
        b"a: &a [*a]",
        "c.yaml:1: not valid YAML: nested more than 40 levels deep once aliases are spelled out",
    ),
    "a merge of itself": (
        b"a: &a {<<: *a}",
        "c.yaml:1: not valid YAML: nested more than 40 levels deep once aliases are spelled out",
    ),
    "deep nesting": (b"[" * 5000, "c.yaml:1: not valid YAML: nested more than 40 levels deep"),
    "a merge of text": (b"a: {<<: x}", "c.yaml:1: not valid YAML: << takes a mapping or a list of mappings"),
    "a key that is a list": (b"[a]: 1", "c.yaml:1: not valid YAML: a key must be text: put it in quotes"),
    "a key that YAML reads as true": (
        b"on: 1",
        "c.yaml:1: not valid YAML: a key must be text: put it in quotes",
    ),
    "an odd number": (b"a: 1\nb: 0b_", "c.yaml:2: not valid YAML: '0b_' is not a number"),
    "a number of 5000 digits": (
        b"a: " + b"1" * 5000,
        f"c.yaml:1: not valid YAML: '{'1' * 40}' is not a number",
    ),
    "a second document": (
        b"a: 1\n---\nb: 2",
        "c.yaml:2: not valid YAML: but found another document",
    ),
    "another encoding": (b"a: 1\nb: \xe4", "c.yaml:2: not UTF-8 text; save the config file as UTF-8"),
    "a control character": (b"a: 1\nb: \x01", "c.yaml:2: not valid YAML: character U+0001 is not allowed"),
    "a tab": (b"a:\n\t- 1", "c.yaml:2: not valid YAML: found character '\\t' that cannot start any token"),
    "an alias of nothing": (b"a: *b", "c.yaml:1: not valid YAML: found undefined alias 'b'"),
    "only comments": (b"# nothing\n", "c.yaml: the config file is empty"),
    "a megabyte": (
        b"#" * 1_000_001,
        "c.yaml: 1000001 bytes is too large for a config file; the limit is 1000000",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_a_config_should_not_hold_is_refused_in_one_line(tmp_path: Path, what: str) -> None:
    content, line = FAULTS[what]
    assert fault(tmp_path, content) == line


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_yaml(tmp_path / "c.yaml", "config file").value == {"a": 1}


def test_own_keys_win_over_merged_ones_and_the_first_merged_over_the_rest(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("a: &a {x: 1, y: 1, z: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*b, *a]}")
    assert read_yaml(tmp_path / "c.yaml", "config file").value["c"] == {"x": 1, "y": 2, "z": 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("-2E+3", -2000.0),
        (".5", 0.5),
        ("1_000", 1000),
        ("2024-01-02", "2024-01-02"),
        ("e5", "e5"),
        ("1e", "1e"),
        ("yes", True),
        ("[1, x]", [1, "x"]),
        ("", None),
    ],
)
def test_values_are_read_as_yaml(text: str, value: object) -> None:
    assert read_value(text, "--set a") == value


@pytest.mark.parametrize(
    "text", ["1e5", "1e-4", "12e4567", "2024-01-02", "no", "null", "12", "a: b", "ä", "~", ".5"]
)
def test_text_that_looks_like_something_else_is_written_so_that_it_stays_text(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "c.yaml").write_text(dump_yaml({"a": [text]}))
    assert read_yaml(tmp_path / "c.yaml", "config file").value == {"a": [text]}
