"""One error line for what is wrong in a config: file and line, the key as it was written, the way out."""

import difflib
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from seqbench.config.fields import METRIC_ALIASES, Section
from seqbench.config.flat_keys import FLAT_KEYS
from seqbench.config.model_kinds import MODEL_KINDS
from seqbench.config.schema import Config
from seqbench.config.yaml_file import KeyPath
from seqbench.core.redaction import redact
from seqbench.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_PLAIN_WORDS = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be text (put it in quotes)",
    "path_type": "must be a path",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping of keys to values",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
}
_QUOTED = re.compile(r"'<?([^'<>]*)>?'")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSource:
    """Where each key of a config came from."""

    file: str
    """The config file, as the user named it."""
    lines: Mapping[KeyPath, int]
    """Lines of the file's keys, as the file spells them."""
    flat: Mapping[KeyPath, str] = field(default_factory=dict)
    """For a flat file of the reference system: the flat key behind a key of the schema."""
    overrides: tuple[KeyPath, ...] = ()
    """Keys given by `--set`."""

    def locate(self, key: KeyPath) -> str:
        """Say where a key was written: `config.yaml:12: probe.mlp.lr`, or `--set probe.mlp.lr`."""
        flat = next((self.flat[part] for part in _outward(key) if part in self.flat), None)
        written: KeyPath = key if flat is None else (flat,)
        if any(self._is_set_by(override, key, written) for override in self.overrides):
            return f"--set {dotted(key)}"
        line = next((self.lines[part] for part in _outward(written) if part in self.lines), None)
        place = self.file if line is None else f"{self.file}:{line}"
        return f"{place}: {dotted(written)}" if written else place

    def error(self, key: KeyPath, problem: str) -> ConfigError:
        """The error to raise for a key, in one line."""
        return ConfigError(_one_line(f"{self.locate(key)}: {problem}"))

    def first_problem(self, error: ValidationError) -> ConfigError:
        """The error to raise for what pydantic found: the first problem, and how many more there are.

        Unknown keys come first: a key that is misspelt is often also the one that is missing.
        """
        problems = sorted(
            _genuine(error.errors(include_url=False)), key=lambda p: p["type"] != "extra_forbidden"
        )
        key, text = self._describe(problems[0])
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return self.error(key, text + more)

    def _is_set_by(self, override: KeyPath, key: KeyPath, written: KeyPath) -> bool:
        inside = key[: len(override)] == override
        around = bool(key) and override[: len(key)] == key and written not in self.lines
        return inside or around

    def _describe(self, problem: "ErrorDetails") -> tuple[KeyPath, str]:
        kind, context, key = problem["type"], problem.get("ctx", {}), _without_tags(problem["loc"])
        if kind == "extra_forbidden":
            return key, f"unknown key; {self._meant(key, problem['loc'])}"
        if kind == "missing":
            description = _section_at(problem["loc"]).model_fields[str(key[-1])].description or ""
            return key, f"is missing: {description[:1].lower()}{description[1:].rstrip('.')}"
        if kind == "literal_error":
            return key, _not_among(context["expected"], problem["input"])
        if kind == "union_tag_invalid":
            return (*key, "kind"), _not_among(context["expected_tags"], problem["input"]["kind"])
        key = context.get("at", key)
        text = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        text = _PLAIN_WORDS[kind].format_map(_rounded(context)) if kind in _PLAIN_WORDS else text
        if not text.startswith("must be"):
            return key, text
        right = self._as_list(key, problem["input"]) if kind == "tuple_type" else ""
        return key, f"{text}, got {shown(problem['input'])}{right}"

    def _as_list(self, key: KeyPath, value: object) -> str:
        """The line that would have worked where one value stands for a list of it."""
        if not isinstance(value, str | int | float):
            return ""
        word = value if isinstance(value, str) else json.dumps(value)
        if self.locate(key).startswith("--set"):
            return f" (--set '{dotted(key)}=[{redact(word)}]')"
        return "" if self.flat else f" ({key[-1]}: [{redact(word)}])"

    def _meant(self, key: KeyPath, location: KeyPath) -> str:
        known = list(_section_at(location).model_fields)
        near = close_match(str(key[-1]), known)
        if near is not None:
            by_option = self.locate(key).startswith("--set")
            return f"did you mean {dotted((*key[:-1], near)) if by_option else near}?"
        elsewhere = FLAT_KEYS.get(str(key[-1])) or next(
            (path for path in _leaves(Config) if path[-1] == key[-1]), None
        )
        if elsewhere is not None and key[0] != "models":
            return f"did you mean {dotted(elsewhere)}?"
        return f"known here: {', '.join(known)}"


def dotted(key: KeyPath) -> str:
    """A key as `--set` spells it: ("models", 0, "dtype") → "models.0.dtype"."""
    return ".".join(map(str, key))


def either(words: Iterable[str]) -> str:
    """Words as a choice: "mlp, linear or xgb"."""
    *rest, last = words
    return f"{', '.join(rest)} or {last}" if rest else last


def shown(value: Any) -> str:
    """A value as one short piece of YAML-like text."""
    # Secrets go first: of an address that is cut off nobody sees any more where its password ends.
    text = redact(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= 60 else f"{text[:57]}..."


def close_match(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is probably a misspelling of, or None."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def _rounded(context: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds as a person writes them: pydantic keeps the bound 0 of a float as 0.0."""
    return {
        key: int(bound) if isinstance(bound, float) and bound.is_integer() else bound
        for key, bound in context.items()
    }


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _not_among(quoted: str, given: Any) -> str:
    """Say what is allowed, from pydantic's list of it: "'mlp', 'linear' or 'xgb'"."""
    allowed = _QUOTED.findall(quoted)
    usual = METRIC_ALIASES.get(given.lower()) if isinstance(given, str) else None
    near = usual if usual in allowed else close_match(given, allowed) if isinstance(given, str) else None
    hint = "" if near is None else f"; did you mean {near}?"
    return f"must be {either(allowed)}, got {shown(given)}{hint}"


def _genuine(problems: list["ErrorDetails"]) -> list["ErrorDetails"]:
    """Leave out what pydantic adds because of another problem: it counts a wrong entry as an absent one."""
    inner = [problem["loc"] for problem in problems]

    def caused(problem: "ErrorDetails") -> bool:
        place = problem["loc"]
        return problem["type"] == "default_factory_not_called" or (
            problem["type"] == "too_short"
            and any(len(other) > len(place) and other[: len(place)] == place for other in inner)
        )

    return [problem for problem in problems if not caused(problem)]


def _is_tag(part: str | int) -> bool:
    return isinstance(part, str) and part.startswith("<")


def _without_tags(location: KeyPath) -> KeyPath:
    return tuple(part for part in location if not _is_tag(part))


def _section_at(location: KeyPath) -> type[Section]:
    """The section that the last key of a location is in (or would be, were it known)."""
    section: type[Section] = Config
    for part in location[:-1]:
        if isinstance(part, str):
            inner = MODEL_KINDS.get(part.strip("<>")) if _is_tag(part) else _section_within(section, part)
            section = inner or section
    return section


def _section_of(section: type[BaseModel], key: str) -> type[Section] | None:
    annotation = section.model_fields[key].annotation
    return annotation if inspect.isclass(annotation) and issubclass(annotation, Section) else None


def _section_within(section: type[BaseModel], key: str) -> type[Section] | None:
    """The one section that a key holds: itself, in a list, or beside null."""
    found = set(_sections(section.model_fields[key].annotation)) if key in section.model_fields else set()
    return found.pop() if len(found) == 1 else None


def _sections(annotation: Any) -> Iterator[type[Section]]:
    if inspect.isclass(annotation) and issubclass(annotation, Section):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)


def _leaves(section: type[Section], above: KeyPath = ()) -> Iterator[KeyPath]:
    for key in section.model_fields:
        inner = _section_of(section, key)
        if inner is None:
            yield (*above, key)
        else:
            yield from _leaves(inner, (*above, key))


def _outward(key: KeyPath) -> Iterator[KeyPath]:
    """The key, then what it is in, and so on up to the document."""
    return (key[:length] for length in range(len(key), -1, -1))
