"""Trained heads on disk: what is read back is what was written, and nothing else is taken for a head."""

import json
import math
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import seqbench
from seqbench.core.types import Task
from seqbench.errors import ConfigError, ProbeError
from seqbench.probe.heads.base import FittedHead, HeadState, Problem
from seqbench.probe.saved_head import SavedHead
from seqbench.probe.saving import HASH_KEY, KEY, LONG_TEXT, _digest, is_kept, keeper, load, path_of, save
from seqbench.probe.wanted import Wanted, wanted_probes
from seqbench.store import Embeddings
from tests.probe.stored import binary_store, design, probe

STATE = HeadState(
    kind="linear",
    tensors={
        "weights_HK": np.arange(24, dtype=np.float32).reshape(2, 12).T,  # not contiguous
        "biases_K": np.asarray([1.0, -1.0]),
        "mean_H": np.zeros(12, dtype=np.float32),
        "sd_H": np.ones(12, dtype=np.float32),
        "scale": np.asarray(2.5),
        "half": np.asarray([0.1, 65504], dtype=np.float16),
        "none": np.zeros((0, 7)),
        "flags": np.asarray([True, False]),
        "numbers": np.asarray([2**62, -1]),
    },
    facts={"task": "regression", "widths": [4, 2], "more": '{"tree": "' + "π" * LONG_TEXT + '"}'},
)
PROBLEM = Problem(task=Task.CLASSIFICATION, n_outputs=2)
PARAMETERS = {"path": "elsewhere", "trust_remote_code": True, "adapter": "a/b", "k": None, "seed": 3}


@pytest.fixture
def entry(tmp_path: Path) -> Embeddings:
    return binary_store(tmp_path)


@pytest.fixture
def wanted(entry: Embeddings) -> Wanted:
    return wanted_probes(entry, [2], [design("fake", seed=5)])[0]


def saved(root: Path, entry: Embeddings, wanted: Wanted, state: HeadState | None = STATE) -> str | None:
    outcome = FittedHead(layer_index=0, state=state)
    return keeper(root, entry, PARAMETERS)(wanted, outcome, PROBLEM, (0.25,))


def test_a_head_comes_back_as_it_was(tmp_path: Path, entry: Embeddings, wanted: Wanted) -> None:
    place = saved(tmp_path / "heads", entry, wanted)
    assert place == f"m/d/2/fake-{wanted.hash[:12]}.safetensors"
    head = load(tmp_path / "heads" / place)
    assert (head.state.kind, dict(head.state.facts)) == ("linear", dict(STATE.facts))
    assert head.state.tensors.keys() == STATE.tensors.keys()
    for name, values in STATE.tensors.items():
        assert head.state.tensors[name].dtype == values.dtype
        np.testing.assert_array_equal(head.state.tensors[name], values)
    assert (head.task, head.n_outputs, head.classes) == (Task.CLASSIFICATION, 2, (3, 7))
    assert (head.thresholds, head.seed, head.fold, head.head) == ((0.25,), 5, None, "fake")
    assert (head.spec, head.spec_hash) == (wanted.spec, wanted.hash)
    origin = head.origin
    assert origin.model == entry.model
    assert (origin.layer, origin.n_seqs, origin.hidden, origin.width) == (2, 2, 6, 12)
    assert (origin.combine, origin.alphabet, origin.stored) == ("concat", "dna", "float32")


def test_what_lets_code_run_is_not_kept(tmp_path: Path, entry: Embeddings, wanted: Wanted) -> None:
    place = saved(tmp_path, entry, wanted)
    assert load(tmp_path / str(place)).origin.parameters == {"adapter": "a/b", "seed": 3}


def test_the_file_holds_numbers_and_json_only(tmp_path: Path, entry: Embeddings, wanted: Wanted) -> None:
    place = saved(tmp_path, entry, wanted)
    with safe_open(tmp_path / str(place), framework="numpy") as file:
        assert set(file.keys()) == {*STATE.tensors, "text:more", "check:features", "check:predictions"}
        record = json.loads(file.metadata()[KEY])
    assert record["facts"] == {"task": "regression", "widths": [4, 2]}
    assert record["origin"]["model"] == asdict(entry.model)


def test_nothing_is_saved_of_a_probe_without_a_head(
    tmp_path: Path, entry: Embeddings, wanted: Wanted
) -> None:
    assert saved(tmp_path / "heads", entry, wanted, state=None) is None
    assert not (tmp_path / "heads").exists()


def test_a_head_is_known_to_be_kept(tmp_path: Path, entry: Embeddings, wanted: Wanted) -> None:
    assert not is_kept(tmp_path / "heads", entry, wanted)
    saved(tmp_path / "heads", entry, wanted)
    assert is_kept(tmp_path / "heads", entry, wanted)
    other = wanted_probes(entry, [2], [design("fake", seed=6)])[0]
    assert not is_kept(tmp_path / "heads", entry, other)


def test_a_head_that_is_there_already_is_replaced_and_nothing_is_left_beside_it(
    tmp_path: Path, entry: Embeddings, wanted: Wanted
) -> None:
    place = str(saved(tmp_path / "heads", entry, wanted))
    changed = replace(STATE, tensors={**STATE.tensors, "weights_HK": np.ones((12, 2))})
    assert saved(tmp_path / "heads", entry, wanted, changed) == place
    assert load(tmp_path / "heads" / place).state.tensors["weights_HK"].sum() == 24
    assert [path.name for path in (tmp_path / "heads" / "m" / "d" / "2").iterdir()] == [Path(place).name]


def test_a_write_that_fails_leaves_the_old_head(
    tmp_path: Path, entry: Embeddings, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "heads"
    place = str(saved(root, entry, wanted))

    def full(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[:4])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ProbeError, match="can't be written: No space left on device"):
        saved(root, entry, wanted, replace(STATE, facts={"task": "regression"}))
    assert [path.name for path in (root / place).parent.iterdir()] == [Path(place).name]
    assert load(root / place).state.facts["widths"] == [4, 2]


@pytest.mark.parametrize("name", ["../m", "a/b/c", "..", "", "/etc", ".hidden"])
@pytest.mark.parametrize("part", ["model", "dataset", "head"])
def test_no_name_leads_out_of_the_folder_of_heads(part: str, name: str) -> None:
    given = {"model": "m", "dataset": "d", "head": "mlp", "layer": 0, "spec_hash": "0" * 64} | {part: name}
    with pytest.raises(ConfigError):
        path_of(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("changed", [{"layer": -1}, {"spec_hash": "../../x"}, {"spec_hash": "abc"}])
def test_no_layer_or_hash_leads_out_of_it_either(changed: dict[str, object]) -> None:
    given = {"model": "m", "dataset": "d", "head": "mlp", "layer": 0, "spec_hash": "0" * 64} | changed
    with pytest.raises(ProbeError):
        path_of(**given)  # type: ignore[arg-type]


def test_what_is_no_head_is_named_in_one_line(tmp_path: Path) -> None:
    absent, text, foreign = (tmp_path / name for name in ("absent", "text", "foreign.safetensors"))
    text.write_text("hello")
    save_file({"weights": np.ones(3)}, foreign, {"format": "pt"})
    cases = ((absent, "no such file"), (text, "can't be read"), (foreign, "holds no head"))
    for path, said in cases:
        with pytest.raises(ProbeError, match=said) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


def test_any_damaged_byte_is_noticed(tmp_path: Path, entry: Embeddings, wanted: Wanted) -> None:
    path = tmp_path / str(saved(tmp_path, entry, wanted))
    whole = path.read_bytes()
    head_bytes = 8 + int.from_bytes(whole[:8], "little")
    inside_json = whole.index(b"thresholds") + 14
    for at in (0, 9, inside_json, head_bytes + 1, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ProbeError, match=str(path)):
            load(path)
    path.write_bytes(whole[:-5])
    with pytest.raises(ProbeError, match=str(path)):
        load(path)


def record_of(path: Path) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    with safe_open(path, framework="numpy") as file:
        return json.loads(file.metadata()[KEY]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def rewrite(path: Path, record: object, tensors: dict[str, np.ndarray]) -> None:
    """Write a head under a hash that fits it."""
    text = json.dumps(record)
    save_file(tensors, path, {KEY: text, HASH_KEY: _digest(text, tensors)})


def test_a_head_tells_what_it_was_written_with(tmp_path: Path, entry: Embeddings, wanted: Wanted) -> None:
    head = load(tmp_path / str(saved(tmp_path, entry, wanted)))
    assert head.writer["seqbench"] == seqbench.__version__
    assert (head.writer["numpy"], head.writer["torch"]) == (np.__version__, version("torch"))
    assert head.check is not None
    rows = entry.load(2, "test")[:4].reshape(4, 12)
    np.testing.assert_array_equal(head.check.features_ND, rows)
    expected = rows @ STATE.tensors["weights_HK"] + STATE.tensors["biases_K"]
    np.testing.assert_allclose(head.check.predictions_NK, expected, rtol=1e-6)


def test_a_head_that_predicts_otherwise_here_is_refused_with_the_versions_that_differ(
    tmp_path: Path, entry: Embeddings, wanted: Wanted
) -> None:
    path = tmp_path / str(saved(tmp_path, entry, wanted))
    record, tensors = record_of(path)
    biases = tensors["biases_K"].copy()
    scale = float(np.abs(tensors["check:predictions"]).max())
    for change, is_refused in ((1e-5, False), (0.01, True), (math.nan, True)):
        rewrite(path, record | {"writer": {"numpy": "1.0"}}, tensors | {"biases_K": biases + change * scale})
        if not is_refused:
            load(path)
            continue
        with pytest.raises(
            ProbeError, match=rf"written with numpy 1\.0 \(here {np.__version__}\) and predicts"
        ):
            load(path)


def test_a_head_of_before_predictions_were_kept_is_read(
    tmp_path: Path, entry: Embeddings, wanted: Wanted
) -> None:
    path = tmp_path / str(saved(tmp_path, entry, wanted))
    record, tensors = record_of(path)
    old = {key: value for key, value in record.items() if key != "writer"}
    kept = {name: values for name, values in tensors.items() if not name.startswith("check:")}
    rewrite(path, old | {"format": 1}, kept)
    head = load(path)
    assert (head.check, head.writer) == (None, {})


def test_items_without_an_embedding_are_not_among_those_that_a_head_is_checked_by(
    tmp_path: Path, entry: Embeddings, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = entry.load(2, "test")
    rows[[0, 2]] = np.nan
    monkeypatch.setattr(type(entry.array(2, "test")), "__getitem__", lambda array, span: rows[span])
    head = load(tmp_path / str(saved(tmp_path, entry, wanted)))
    assert head.check is not None
    np.testing.assert_array_equal(head.check.features_ND, rows[[1, 3, 4, 5]].reshape(4, 12))


def test_a_newer_format_and_missing_facts_are_refused(
    tmp_path: Path, entry: Embeddings, wanted: Wanted
) -> None:
    path = tmp_path / str(saved(tmp_path, entry, wanted))
    record, tensors = record_of(path)
    without = {key: value for key, value in record.items() if key != "origin"}
    cases = (
        (record | {"format": 99}, "newer seqbench"),
        (without, "is damaged: origin: is missing"),
        ([1], "damaged"),
    )
    for content, said in cases:
        rewrite(path, content, tensors)
        with pytest.raises(ProbeError, match=said):
            load(path)


def test_facts_that_are_no_json_are_a_bug_and_leave_nothing(
    tmp_path: Path, entry: Embeddings, wanted: Wanted
) -> None:
    place = str(saved(tmp_path, entry, wanted))
    head: SavedHead = load(tmp_path / place)
    broken = replace(head, state=HeadState(kind="mlp", facts={"x": math.nan}))
    with pytest.raises(ValueError, match="JSON"):
        save(tmp_path / "other", broken)
    assert not list((tmp_path / "other").rglob("*.safetensors*"))


def test_run_probes_keeps_each_head_and_says_where(
    tmp_path: Path, entry: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqbench.probe.heads.registry import HEADS, predict

    monkeypatch.setitem(HEADS, "fake", "tests.probe.fake_head:FakeHead")  # type: ignore[arg-type]
    root = tmp_path / "heads"
    records = probe(entry, design("fake", threshold="f1"), save=keeper(root, entry, {}))
    assert [record.layer for record in records] == [0, 1, 2]
    for record in records:
        head = load(root / str(record.saved))
        assert head.thresholds == record.thresholds
        rows = entry.load(record.layer, "test").reshape(100, -1)
        kept = next(part for part in record.predictions if part.split == "test")
        np.testing.assert_allclose(predict(head.state, rows), kept.scores, atol=1e-6)


def test_heads_of_a_target_lie_in_a_folder_of_its_data_set() -> None:
    found = path_of(model="m", dataset="d/target", layer=0, head="mlp", spec_hash="0" * 64)
    assert found.startswith("m/d/target/0/mlp-")
