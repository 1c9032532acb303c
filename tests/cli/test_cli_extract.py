"""What a user can ask of extraction, from the config to the catalog."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from seqbench.models.forward import Forward
from seqbench.store import open_store
from tests.command import rows, seqbench
from tests.data import write_split
from tests.tiny_code import save_custom_model
from tests.tiny_tokenizers import letters_or_nothing

TinyModel = Callable[[str], Path]
CONFIG = """
models: [{{path: {model}, name: tiny, dtype: float32}}]
datasets: {{root: data}}
probe: {{heads: [linear]}}
"""


@pytest.fixture
def config(tiny_model: TinyModel, tmp_path: Path) -> Path:
    for split in ("train", "eval", "test"):
        write_split(tmp_path / "data" / "gc", split)
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG.format(model=tiny_model("llama")))
    return path


def test_poolings_strands_and_float16_go_from_the_config_to_the_catalog(config: Path) -> None:
    settings = ("extract.pooling=[mean,last]", "extract.reverse_complement=concat", "store.dtype=float16")
    options = [part for setting in settings for part in ("--set", setting)]
    outcome = seqbench("run", config, *options)
    assert outcome.exit_code == 0, outcome.output
    store = open_store(config.parent / "embeddings.zarr")
    assert list(store.keys()) == ["tiny/gc", "tiny@last/gc"]
    assert [store[key].facts.hidden for key in store.keys()] == [64, 64]  # noqa: SIM118
    assert not np.array_equal(store["tiny/gc"].load(3, "test"), store["tiny@last/gc"].load(3, "test"))
    query = "FROM embedding_layers WHERE split = 'test' ORDER BY model, layer"
    found = rows(config, query)
    assert [(row["model"], row["layer"]) for row in found] == [
        (model, layer) for model in ("tiny", "tiny@last") for layer in range(4)
    ]
    assert all(-1 <= row["strand_consistency"] <= 1 and 0 < row["rounding_error"] < 1e-3 for row in found)
    (probed,) = rows(config, "SELECT count(*) AS probes FROM probes WHERE status = 'ok'")
    assert probed == {"probes": 8}


def test_budget_and_certificate_are_kept_beside_the_embeddings(config: Path) -> None:
    assert seqbench("extract", config).exit_code == 0
    notes = open_store(config.parent / "embeddings.zarr")["tiny/gc"].facts.notes
    assert notes["token_budget"]["tokens"] in (4096, 8192)  # whether the CPU computes in bfloat16
    assert notes["certificate"]["verdict"] in ("pass", "warn")
    (row,) = rows(config, "SELECT settings->>'$.token_budget.reason' AS why FROM embeddings LIMIT 1")
    assert "too small a job to calibrate" in row["why"]


def test_a_damaged_block_is_found_and_computed_again_alone(config: Path) -> None:
    assert seqbench("extract", config).exit_code == 0
    store_path = config.parent / "embeddings.zarr"
    before = open_store(store_path)["tiny/gc"].load(2, "test")
    (chunk,) = (path for path in (store_path / "tiny" / "gc" / "2" / "test").glob("c.*"))
    damaged = bytearray(chunk.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    chunk.write_bytes(damaged)
    assert seqbench("store", "verify", store_path).exit_code == 3
    assert seqbench("store", "verify", store_path, "--repair").exit_code == 0
    again = seqbench("extract", config)
    assert again.exit_code == 0, again.output
    np.testing.assert_allclose(open_store(store_path)["tiny/gc"].load(2, "test"), before, atol=1e-6)
    assert seqbench("store", "verify", store_path).exit_code == 0


def test_a_sequence_too_large_for_memory_is_listed_and_the_rest_is_probed(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = config.parent / "data" / "gc" / "train.jsonl"
    lines = train.read_text().splitlines()
    lines[4] = json.dumps({**json.loads(lines[4]), "seq": "ACGT" * 100})
    train.write_text("\n".join(lines) + "\n")
    run = Forward.run_with_tokens

    def limited(self: Forward, ids_BT: np.ndarray, *rest: object) -> object:
        if ids_BT.shape[1] > 200:
            raise torch.OutOfMemoryError("out of memory")
        return run(self, ids_BT, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Forward, "run_with_tokens", limited)
    options = ("--set", "extract.oversize=skip", "--set", "extract.max_tokens=whole")
    outcome = seqbench("run", config, *options)
    assert outcome.exit_code == 3, outcome.output
    assert "train.jsonl:5: 400 tokens do not fit in memory" in outcome.stderr
    (count,) = rows(config, "SELECT min(n_train) AS n, count(*) AS probes FROM probes WHERE status = 'ok'")
    assert count == {"n": len(lines) - 1, "probes": 4}


@pytest.fixture
def unreadable(config: Path, tiny_model: TinyModel) -> Path:
    """A model that leaves out what it does not know, and an item of nothing else; its line's number is 5."""
    folder = Path(shutil.copytree(tiny_model("llama"), config.parent / "tiny"))
    letters_or_nothing().save_pretrained(folder)
    config.write_text(CONFIG.format(model=folder))
    train = config.parent / "data" / "gc" / "train.jsonl"
    lines = train.read_text().splitlines()
    lines[4] = json.dumps({**json.loads(lines[4]), "seq": "NNNN"})
    train.write_text("\n".join(lines) + "\n")
    return config


def test_a_sequence_without_a_token_is_an_error_that_names_its_line(unreadable: Path) -> None:
    outcome = seqbench("extract", unreadable)
    assert outcome.exit_code == 3
    assert "train.jsonl:5: the tokenizer makes no token of the sequence (drop the item" in outcome.stderr


@pytest.mark.parametrize("strands", ["none", "mean"])
def test_a_sequence_without_a_token_is_skipped_where_that_is_wanted(unreadable: Path, strands: str) -> None:
    options = ("--set", "extract.unreadable=skip", "--set", f"extract.reverse_complement={strands}")
    outcome = seqbench("run", unreadable, *options)
    assert outcome.exit_code == 3, outcome.output
    assert "train.jsonl:5: the tokenizer makes no token" in outcome.stderr
    train = open_store(unreadable.parent / "embeddings.zarr")["tiny/gc"].load(3, "train")
    assert np.flatnonzero(np.isnan(train).any(axis=(1, 2))).tolist() == [4]
    (count,) = rows(unreadable, "SELECT min(n_train) AS n FROM probes WHERE status = 'ok'")
    assert count == {"n": len(train) - 1}


def test_a_split_without_any_token_is_stored_as_left_out(unreadable: Path) -> None:
    test = unreadable.parent / "data" / "gc" / "test.jsonl"
    test.write_text("".join(json.dumps({"seq": n * "N", "label": n % 2}) + "\n" for n in range(1, 5)))
    outcome = seqbench("run", unreadable, "--set", "extract.unreadable=skip")
    assert outcome.exit_code == 3, outcome.output
    assert "every item of test was skipped by extraction (see extract.oversize and extract." in outcome.stderr


def test_truncated_sequences_are_told_of(config: Path) -> None:
    outcome = seqbench(
        "extract", config, "--set", "extract.max_tokens=8", "--set", "extract.overlong=truncate"
    )
    assert outcome.exit_code == 0, outcome.output
    assert "sequences were cut to the model's limit" in outcome.stderr


def test_one_models_layers_that_cannot_be_pooled_are_told_and_all_else_is_probed(
    config: Path, tiny_model: TinyModel
) -> None:
    more = f"models: [{{path: {tiny_model('narrow opt')}, name: narrow, dtype: float32}}, "
    config.write_text(config.read_text().replace("models: [", more))
    outcome = seqbench("run", config)
    assert outcome.exit_code == 0, outcome.output
    assert "narrow/gc: left out, as it can't be pooled: layer 3: 16 wide, the others 32" in outcome.output
    query = "SELECT model, layer FROM probes WHERE status = 'ok' ORDER BY ALL"
    found = [(row["model"], row["layer"]) for row in rows(config, query)]
    assert found == [("narrow", layer) for layer in range(3)] + [("tiny", layer) for layer in range(4)]
    again = seqbench("run", config)
    assert again.exit_code == 0, again.output
    assert seqbench("probe", config).exit_code == 0
    only = seqbench("run", config, "--set", "extract.layers=[3]")
    assert only.exit_code == 3
    assert "narrow/gc: none of extract.layers can be pooled (layer 3: 16 wide, the others 32)" in only.output


def test_a_model_twice_as_wide_as_its_config_says_is_stored_as_it_is(config: Path, tmp_path: Path) -> None:
    """As models that are equivariant to the reverse complement (Caduceus), whose config tells half of it."""
    code = save_custom_model(tmp_path / "wide") / "modeling_tiny.py"
    code.write_text(code.read_text().replace("config.d_model", "2 * config.d_model"))
    model = f"{{kind: random-init, path: {tmp_path / 'wide'}, name: wide, trust_remote_code: true}}"
    config.write_text(f"models: [{model}]\ndatasets: {{root: data}}\nprobe: {{heads: [linear]}}\n")
    for command in ("run", "run", "probe"):
        outcome = seqbench(command, config)
        assert outcome.exit_code == 0, outcome.output
    entry = open_store(config.parent / "embeddings.zarr")["wide/gc"]
    assert (entry.facts.hidden, entry.model.hidden, entry.load(2, "test").shape[-1]) == (32, 32, 32)
    assert rows(config, "SELECT hidden FROM models") == [{"hidden": 32}]
