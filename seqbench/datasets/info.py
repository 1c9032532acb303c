"""The user's `datasets_info.yaml`, in the format and spelling of the reference system."""

import difflib
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast, get_args

from seqbench.config.yaml_file import read_yaml
from seqbench.core.alphabets import Alphabet
from seqbench.core.types import SPLITS, Level, SplitName, Task, check_name
from seqbench.datasets.spec import Expected, HeadName, TargetSpec
from seqbench.errors import ConfigError

NAME_LISTS = ("long_sequence_dataset", "super_long_sequence_dataset")
"""Top-level lists of names that the reference embeds in other batches; a token budget needs no such list."""

_HEADS: Mapping[str, HeadName] = {"MLP": "mlp", "XGB": "xgb", "RF": "forest"}
_TASKS: Mapping[str, Task] = {**{task.value: task for task in Task}, "label": Task.LABELS}
"""By name of the reference; its documentation writes `label`, its code `labels`."""
_COUNTERS: Mapping[str, SplitName] = {f"label_{split}_counter": split for split in SPLITS}
_ENTRY_KEYS = (
    "seq_for_item",
    "seq_key",
    "label_key",
    "level",
    "targets",
    "id_key",
    "group_key",
    "classes",
    "eval_task",
    "alphabet",
    "data_split",
    "dataset_ratio",
    "classifer_type",
    "classifier_type",
    "sample_num",
    "min_length",
    "max_length",
    *_COUNTERS,
)
_TARGET_KEYS = ("key", "eval_task", "classes", "weight")
_T = TypeVar("_T")
_PAIR = re.compile(r"\(\s*(-?\d+)\s*,\s*(\d+)\s*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoEntry:
    """One entry of the file; None where it says nothing."""

    task: Task | None
    seq_keys: tuple[str, ...] | None
    label_key: str | None
    id_key: str | None
    group_key: str | None
    alphabet: Alphabet | None
    class_names: tuple[str, ...] | None
    splits: tuple[SplitName, ...] | None
    head: HeadName | None
    expected: Expected
    targets: tuple[TargetSpec, ...] = ()
    level: Level | None = None


def read_info(path: Path) -> tuple[dict[str, InfoEntry], tuple[str, ...]]:
    """Read the entries of a `datasets_info.yaml`, by data set, and what in it was not understood.

    Keys that are unknown or stand there twice and label counters that can't be read are warnings, so that old
    files keep working; a known key with a wrong value is an error.

    Raises:
        ConfigError: The file can't be read, is no YAML mapping, or a value in it is wrong (named by line,
            entry and key).
    """
    document = read_yaml(path, "datasets_info file", duplicates="last")
    if not isinstance(document.value, dict):
        raise ConfigError(
            f"{path}: must map data-set names to entries, got a {type(document.value).__name__}"
        )
    entries: dict[str, InfoEntry] = {}
    warnings = list(document.duplicates_warning(path))
    for name, value in document.value.items():
        if name in NAME_LISTS:
            continue
        place = f"{path}:{document.lines[name,]}: "
        if not isinstance(value, dict):
            warnings.append(f"{place}{name} is ignored: it is no entry (a mapping of keys such as eval_task)")
            continue
        check_name(name, f"{place}data set")
        lines = {key: document.lines.get((name, key), document.lines[name,]) for key in value}
        entries[name] = _Entry(path, name, value, lines, warnings).read()
    return entries, tuple(warnings)


class _Entry:
    """Reads one entry's keys; messages name file, line, entry and key."""

    def __init__(
        self,
        path: Path,
        name: str,
        keys: Mapping[str, object],
        lines: Mapping[str, int],
        warnings: list[str],
    ) -> None:
        self._path = path
        self._name = name
        self._keys = keys
        self._lines = lines
        self._warnings = warnings

    def read(self) -> InfoEntry:
        for key in self._keys:
            if key not in _ENTRY_KEYS:
                close = difflib.get_close_matches(key, _ENTRY_KEYS, 1)
                hint = f"; did you mean {close[0]}?" if close else ""
                self._warnings.append(f"{self._place(key)} is an unknown key and ignored{hint}")
        splits = self._splits()
        expected = self._expected()
        if ratio := self._ratio(splits):
            expected["ratio"] = ratio
        return InfoEntry(
            task=self._task(),
            seq_keys=self._seq_keys(),
            label_key=self._text("label_key"),
            id_key=self._text("id_key"),
            group_key=self._text("group_key"),
            class_names=self._class_names(),
            alphabet=self._alphabet(),
            splits=None if splits is None else tuple(split for split in SPLITS if split in splits),
            head=self._head(),
            expected=expected,
            targets=self._targets(),
            level=self._level(),
        )

    def _place(self, key: str) -> str:
        return f"{self._path}:{self._lines[key]}: {self._name}.{key}"

    def _fault(self, key: str, wanted: str) -> ConfigError:
        return ConfigError(f"{self._place(key)} must be {wanted}, got {reprlib.repr(self._keys[key])}")

    def _get(self, key: str, kind: type[_T], wanted: str, fits: Callable[[_T], bool]) -> _T | None:
        value = self._keys.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or isinstance(value, bool) or not fits(value):
            raise self._fault(key, wanted)
        return value

    def _text(self, key: str) -> str | None:
        return self._get(key, str, "a key of the JSON lines", bool)

    def _level(self) -> Level | None:
        names = get_args(Level)
        level = self._get("level", str, "one of " + ", ".join(names), lambda text: text in names)
        if level == "token" and self._keys.get("targets"):
            raise ConfigError(
                f"{self._place('level')}: token goes with one label a letter, not with `targets` (make a "
                "data set of each, or one label of several values)"
            )
        return cast(Level | None, level)

    def _targets(self) -> tuple[TargetSpec, ...]:
        wanted = "a mapping of names to keys and tasks, as {drug_class: {key: drug_class}}"
        value = self._get("targets", dict, wanted, bool) or {}
        if value and (other := [key for key in ("label_key", "classes", "eval_task") if key in self._keys]):
            raise ConfigError(f"{self._place(other[0])} goes with one label; with targets, each has its own")
        return tuple(self._target(name, facts) for name, facts in value.items())

    def _target(self, name: object, facts: object) -> TargetSpec:
        """One target, read as an entry that has but a few keys."""
        place = f"{self._place('targets')}.{name}"
        check_name(str(name), f"{place}: target")
        facts = {} if facts is None else facts
        if not isinstance(facts, dict):
            raise ConfigError(f"{place} must map key, eval_task, classes and weight, got {facts!r}")
        for key in facts:
            if key not in _TARGET_KEYS:
                self._warnings.append(f"{place}.{key} is an unknown key and ignored")
        lines = dict.fromkeys(facts, self._lines["targets"])
        own = _Entry(self._path, f"{self._name}.targets.{name}", facts, lines, self._warnings)
        return TargetSpec(
            name=str(name),
            key=own._text("key") or str(name),
            task=own._task(),
            class_names=own._class_names(),
            weight=own._weight(),
        )

    def _weight(self) -> float:
        wanted = "a number above 0"
        whole = self._keys.get("weight")
        if isinstance(whole, int) and not isinstance(whole, bool) and 0 < whole < 1e6:
            return float(whole)
        weight = self._get("weight", float, wanted, lambda number: 0 < number < 1e6)
        return 1.0 if weight is None else weight

    def _count(self, key: str) -> int | None:
        return self._get(key, int, "a whole number from 1", lambda number: number >= 1)

    def _task(self) -> Task | None:
        name = self._get("eval_task", str, "one of " + ", ".join(Task), lambda text: text in _TASKS)
        return None if name is None else _TASKS[name]

    def _alphabet(self) -> Alphabet | None:
        names = get_args(Alphabet)
        name = self._get("alphabet", str, "one of " + ", ".join(names), lambda text: text in names)
        return cast(Alphabet | None, name)

    def _seq_keys(self) -> tuple[str, ...] | None:
        count = self._count("seq_for_item")
        keys = self._keys.get("seq_key")
        if keys is None:
            if count is None:
                return None
            return ("seq",) if count == 1 else tuple(f"seq{number}" for number in range(1, count + 1))
        if isinstance(keys, str):
            keys = [keys]
        if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key for key in keys):
            raise self._fault("seq_key", "a key or a list of keys of the JSON lines")
        if len(set(keys)) != len(keys):
            raise self._fault("seq_key", "a list of different keys")
        if count is not None and count != len(keys):
            raise self._fault("seq_key", f"a list of {count} keys, as seq_for_item says")
        return tuple(keys)

    def _splits(self) -> tuple[SplitName, ...] | None:
        value = self._get(
            "data_split",
            list,
            "a list of different splits out of train, test, eval",
            lambda names: bool(names) and all(n in SPLITS for n in names) and len(set(names)) == len(names),
        )
        return None if value is None else tuple(value)

    def _class_names(self) -> tuple[str, ...] | None:
        names = self._get(
            "classes",
            list,
            "a list of different names",
            lambda names: bool(names) and all(isinstance(name, str | int | float) for name in names),
        )
        texts = None if names is None else tuple(map(str, names))
        if texts is not None and (len(set(texts)) != len(texts) or not all(texts)):
            raise self._fault("classes", "a list of different names")
        return texts

    def _ratio(self, splits: tuple[SplitName, ...] | None) -> dict[SplitName, float] | None:
        ratio = self._get(
            "dataset_ratio",
            list,
            "a list of shares from 0 to 1",
            lambda shares: all(isinstance(share, int | float) and 0 <= share <= 1 for share in shares),
        )
        if ratio is None or splits is None:
            return None
        if len(ratio) != len(splits):
            raise self._fault("dataset_ratio", f"a list of {len(splits)} shares, in the order of data_split")
        return dict(zip(splits, map(float, ratio), strict=True))

    def _head(self) -> HeadName | None:
        given = {
            self._get(key, str, "MLP, XGB or RF", lambda text: text.upper() in _HEADS)
            for key in ("classifer_type", "classifier_type")
        } - {None}
        if len(given) > 1:
            raise ConfigError(f"{self._place('classifier_type')} and classifer_type differ; keep one of them")
        return _HEADS[cast(str, given.pop()).upper()] if given else None

    def _expected(self) -> Expected:
        expected: Expected = {}
        if (items := self._count("sample_num")) is not None:
            expected["items"] = items
        if (shortest := self._count("min_length")) is not None:
            expected["min_length"] = shortest
        if (longest := self._count("max_length")) is not None:
            expected["max_length"] = longest
        counts = {split: self._counter(key) for key, split in _COUNTERS.items() if self._keys.get(key)}
        if readable := {split: count for split, count in counts.items() if count}:
            expected["label_counts"] = readable
        return expected

    def _counter(self, key: str) -> dict[int, int] | None:
        # `[(0, 10), (1, 20)]` is read as ['(0', '10)', '(1', '20)'], a block list as ['(0, 10)', '(1, 20)'].
        value = self._keys[key]
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        pairs = {
            int(label): int(count) for label, count in _PAIR.findall(text.replace("[", "(").replace("]", ")"))
        }
        if not pairs:
            self._warnings.append(f"{self._place(key)} is ignored: it is no list of (label, count) pairs")
            return None
        return pairs
