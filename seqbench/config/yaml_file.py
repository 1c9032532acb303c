"""YAML read safely, with the line of every key.

Stricter than PyYAML's safe loader: no tags, no self-reference, bounded size and depth, so that no file can
make reading it slow; duplicate keys are told. Numbers such as 1e-4, text in YAML 1.1, are numbers here.
"""

import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from seqbench.errors import ConfigError

KeyPath = tuple[str | int, ...]
"""Keys and list positions from the top of a document down to a value."""

MAX_BYTES = 1_000_000
MAX_VALUES = 100_000
"""Values in a document after its aliases are spelled out."""
MAX_DEPTH = 40
NAMED_DUPLICATES = 8
"""Duplicate keys that one warning names."""
MAX_DIGITS = 100
"""Letters of a number. 1:1:1:… of 450,000 letters, to base 60 in YAML 1.1, took 200 s to read."""

_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_FLOAT = re.compile(
    r"[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?"
    r"|\.(inf|Inf|INF))$|\.(nan|NaN|NAN)$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlDocument:
    """A YAML document: its value, and the line (from 1) of each key and list entry."""

    value: Any
    lines: dict[KeyPath, int]
    duplicates: dict[KeyPath, list[int]] = field(default_factory=dict)
    """Lines of each key that stands in one mapping more than once; the value is that of the last."""

    def refuse_duplicates(self, path: Path) -> None:
        """See that no key stands in one mapping more than once.

        Raises:
            ConfigError: One does; names it and its lines.
        """
        for keys, (first, second, *_) in self.duplicates.items():
            raise ConfigError(
                f"{path}:{second}: duplicate key {keys[-1]!r}, first on line {first} (keep one of them)"
            )

    def duplicates_warning(self, path: Path) -> tuple[str, ...]:
        """One line that names all of them, or nothing."""
        named = [
            f"{'.'.join(map(str, keys))} (lines {', '.join(map(str, lines))})"
            for keys, lines in itertools.islice(self.duplicates.items(), NAMED_DUPLICATES)
        ]
        return (
            (f"{path}: duplicate keys, of which the last value counts: {', '.join(named)}",) if named else ()
        )


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without tags and dates, with a bound on nesting."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) is not None:
            raise _fault("tags (words starting with !) are not allowed", event)
        if self._depth >= MAX_DEPTH:
            raise _fault(f"nested more than {MAX_DEPTH} levels deep", event)
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    replaced = {"tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"}
    return {
        first: [(tag, pattern) for tag, pattern in known if tag not in replaced]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.yaml_implicit_resolvers = _resolvers()
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper that also quotes text which this module would read as a number."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def read_yaml(path: Path, what: str, *, duplicates: Literal["refuse", "last"] = "refuse") -> YamlDocument:
    """Read the one document of a UTF-8 YAML file.

    Args:
        path: The file.
        what: What the file is, for error lines, such as "config file".
        duplicates: What becomes of a key that stands in one mapping twice. The reference system reads its
            files with PyYAML, which takes the last, and its documentation has such an entry.

    Raises:
        ConfigError: No such file, unreadable, over 1 MB, not UTF-8, empty, or not YAML as this module allows
            it; names the file, and the line where there is one.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such {what}") from None
    except OSError as error:
        raise ConfigError(f"{path}: can't read this {what}: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: {len(content)} bytes is too large for a {what}; the limit is {MAX_BYTES}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text; save the {what} as UTF-8") from None
    try:
        document = _parse(text)
    except _Fault as fault:
        raise ConfigError(f"{path}:{fault.line}: {fault}") from None
    if document is None:
        raise ConfigError(f"{path}: the {what} is empty")
    if duplicates == "refuse":
        document.refuse_duplicates(path)
    return document


def read_value(text: str, where: str) -> Any:
    """Read a value as it would be read in a YAML file; no text is null.

    Args:
        text: The YAML, such as "[1, 2]" or "1e-4".
        where: What to call its origin in error lines.

    Raises:
        ConfigError: It isn't YAML as this module allows it.
    """
    try:
        document = _parse(text)
    except _Fault as fault:
        raise ConfigError(f"{where}: {fault}") from None
    if document is None:
        return None
    for keys in document.duplicates:
        raise ConfigError(f"{where}: duplicate key {keys[-1]!r} (keep one of them)")
    return document.value


def dump_yaml(value: Any) -> str:
    """Write a value as YAML that `read_yaml` reads back unchanged; short mappings and lists on one line."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110
    )
    return text


class _Fault(Exception):
    """A fault of the text, and its line from 1."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


def _parse(text: str) -> YamlDocument | None:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else _Builder(loader).document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _Fault(f"not valid YAML: {error.problem}", line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Fault(f"not valid YAML: character U+{error.character:04X} is not allowed", line) from None


class _Builder:
    """Turns composed nodes into fresh dicts and lists, so that an alias is a copy and no shared object."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._lines: dict[KeyPath, int] = {}
        self._duplicates: dict[KeyPath, list[int]] = {}
        self._values = 0
        self._depth = 0

    def document(self, node: yaml.Node) -> YamlDocument:
        return YamlDocument(value=self._build(node, ()), lines=self._lines, duplicates=self._duplicates)

    def _build(self, node: yaml.Node, path: KeyPath) -> Any:
        self._values += 1
        if self._values > MAX_VALUES:
            raise _fault(f"over {MAX_VALUES} values once aliases are spelled out", node)
        if self._depth > MAX_DEPTH:
            raise _fault(f"nested more than {MAX_DEPTH} levels deep once aliases are spelled out", node)
        self._depth += 1
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self._child(item, (*path, index), item) for index, item in enumerate(node.value)]
            if node.tag in _NUMBERS and len(node.value) > MAX_DIGITS:
                raise _fault(f"{node.value[:40]!r} is not a number", node)
            return self._loader.construct_object(node)
        except ValueError:
            raise _fault(f"{node.value[:40]!r} is not a number", node) from None
        finally:
            self._depth -= 1

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                for source in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
                    if not isinstance(source, yaml.MappingNode):
                        raise _fault("<< takes a mapping or a list of mappings", key)
                    values |= self._build(source, path)
        own: set[str] = set()
        for key, value in node.value:
            if key.tag not in (_MERGE, _TEXT):
                raise _fault("a key must be text: put it in quotes", key)
            if key.tag == _MERGE:
                continue
            place = (*path, key.value)
            if key.value in own:
                self._duplicates.setdefault(place, [self._lines[place]]).append(key.start_mark.line + 1)
            own.add(key.value)
            values[key.value] = self._child(value, place, key)
        return values

    def _child(self, node: yaml.Node, path: KeyPath, shown: yaml.Node) -> Any:
        self._lines[path] = shown.start_mark.line + 1
        return self._build(node, path)


def _fault(problem: str, place: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)
