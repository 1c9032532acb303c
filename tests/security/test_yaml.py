"""YAML from elsewhere makes no objects, and can't fill memory or time; each limit is taken away in turn."""

from pathlib import Path

import pytest
import yaml

from seqbench.config import yaml_file
from seqbench.config.yaml_file import read_yaml
from seqbench.errors import ConfigError
from tests.command import seqbench

TAGS = (
    "!!python/object/apply:os.mkdir [{trace}]",
    "!!python/object/new:os.mkdir [{trace}]",
    "k: !!python/object/apply:os.mkdir {{args: [{trace}]}}",
)


@pytest.mark.parametrize("text", TAGS)
def test_a_tag_makes_no_object(tmp_path: Path, text: str) -> None:
    path, trace = tmp_path / "c.yaml", tmp_path / "it-ran"
    path.write_text(text.format(trace=trace))
    done = seqbench("plan", path)
    assert (done.exit_code, len(done.stderr.splitlines()), trace.exists()) == (2, 1, False)
    assert f"{path}:1: not valid YAML: tags (words starting with !) are not allowed" in done.stderr
    yaml.unsafe_load(path.read_text())
    assert trace.exists()


def bomb(levels: int) -> str:
    """Aliases of aliases: 10 to the power of `levels` values in a few lines."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    return "\n".join(lines) + "\n"


def test_aliases_of_aliases_are_counted_before_they_are_spelled_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(bomb(30))
    with pytest.raises(ConfigError, match=r"c\.yaml:\d+: .*over 100000 values once aliases are spelled out"):
        read_yaml(path, "config file")
    path.write_text(bomb(5))
    with pytest.raises(ConfigError, match="over 100000 values"):
        read_yaml(path, "config file")
    monkeypatch.setattr(yaml_file, "MAX_VALUES", 10**9)
    assert len(read_yaml(path, "config file").lines) > 100_000


def test_nesting_ends_before_the_stack_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("[" * 100_000)
    with pytest.raises(ConfigError, match=r"c\.yaml:1: .*nested more than 40 levels deep"):
        read_yaml(path, "config file")
    monkeypatch.setattr(yaml_file, "MAX_DEPTH", 10**9)
    with pytest.raises(RecursionError):
        read_yaml(path, "config file")


NUMBERS = {
    "to base 60": "1" + ":1" * 400_000,
    "to base 16": "0x" + "f" * 900_000,
    "decimal": "1" * 900_000,
    "a power": "1.0e+" + "1" * 900,
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_number_is_read_only_if_it_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path, number = tmp_path / "c.yaml", NUMBERS[kind]
    path.write_text(f"a: {number}\n")
    with pytest.raises(ConfigError, match=r"c\.yaml:1: not valid YAML: '.{40}' is not a number"):
        read_yaml(path, "config file")
    monkeypatch.setattr(yaml_file, "MAX_DIGITS", 10**9)
    path.write_text(f"a: {number[:2001]}\n")  # all of the first would take minutes
    assert isinstance(read_yaml(path, "config file").value["a"], int | float)


def test_a_file_of_any_size_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("a: " + "x" * 1_000_000)
    with pytest.raises(ConfigError, match="1000003 bytes is too large for a config file"):
        read_yaml(path, "config file")
    monkeypatch.setattr(yaml_file, "MAX_BYTES", 10**9)
    assert len(read_yaml(path, "config file").value["a"]) == 1_000_000
