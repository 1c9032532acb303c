"""Data sets with labels of letters (level: token) through extraction, the store and the catalog."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.config import Config
from seqbench.config.finetune import FinetuneConfig
from seqbench.core.progress import Silent
from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.registry import resolve
from seqbench.errors import SeqbenchError, StoreNotFoundError
from seqbench.schedule.run import run
from seqbench.store import TokenEmbeddings, open_store
from tests import tiny_tokenizers
from tests.extract.test_extract_tokens import saved

N = {"train": 24, "eval": 6, "test": 8}


class Heard(Silent):
    """Keeps what a user is told."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("letters")
    (root / "data/purines").mkdir(parents=True)
    for split, count in N.items():
        rng = np.random.default_rng([*split.encode()])
        with (root / f"data/purines/{split}.jsonl").open("w") as file:
            for _ in range(count):
                seq = "".join(rng.choice(list("ACGT"), rng.integers(5, 12)))
                label = "".join("." if at == 2 else "R" if c in "AG" else "Y" for at, c in enumerate(seq))
                file.write(json.dumps({"seq": seq, "label": label}) + "\n")
    (root / "info.yaml").write_text("purines:\n  level: token\n  classes: [Y, R]\n")
    saved(root / "model", tiny_tokenizers.characters())
    return root


def config(root: Path, name: str, models: list[dict[str, Any]] | None = None, **extract: Any) -> Config:
    return Config.model_validate(
        {
            "models": models
            or [
                {"path": str(root / "model"), "name": "m", "dtype": "float32"},
                {"kind": "kmer", "k": 2},
            ],
            "datasets": {"root": root / "data", "info": root / "info.yaml"},
            "extract": {"layers": [0], **extract},
            "store": {"path": root / f"{name}.zarr"},
            "catalog": root / f"{name}.duckdb",
            "probe": {"heads": ["linear"]},
        }
    )


def test_without_tokens_pooled_layers_are_stored_and_one_line_says_what_is_missing(root: Path) -> None:
    heard = Heard()
    outcome = run(config(root, "pooled"), heard, "run")
    assert outcome.failed == ()
    assert outcome.done.get("probe", 0) == 0
    (told,) = (note for note in heard.notes if "extract.tokens" in note)
    assert told.startswith("warning: purines: not probed, as labels are of letters")
    entry = open_store(root / "pooled.zarr")["m/purines"]
    assert entry.facts.level == "token"
    assert (entry.labels("train") == np.iinfo(np.int64).min).all()
    with pytest.raises(StoreNotFoundError):
        entry.letters("train")


def test_the_store_keeps_labels_of_letters_with_the_tokens(root: Path) -> None:
    heard = Heard()
    outcome = run(config(root, "tokens", tokens={"layers": [0]}), heard, "run")
    assert outcome.failed == ()
    assert not [note for note in heard.notes if "not probed" in note]
    store = open_store(root / "tokens.zarr")
    entry = store["m@tokens/purines"]
    assert isinstance(entry, TokenEmbeddings)
    (spec,) = resolve(root / "data", root / "info.yaml", ["purines"]).specs
    files = open_dataset(spec)
    for split in N:
        told = [json.loads(line) for line in (root / f"data/purines/{split}.jsonl").open()]
        found = entry.letters(split)  # type: ignore[arg-type]
        assert len(found) == N[split]
        assert found.lengths.tolist() == [len(item["seq"]) for item in told]
        assert found.n_letters == entry.tokens(0, split).n_tokens  # type: ignore[arg-type]
        names = {0: "Y", 1: "R", np.iinfo(np.int64).min: "."}
        texts = ["".join(names[value] for value in found.item(item).tolist()) for item in range(len(found))]
        assert texts == [item["label"] for item in told]
        of_files = files.splits[split].letters  # type: ignore[index]
        assert of_files is not None
        np.testing.assert_array_equal(found.values, of_files.values)
        same = store["m/purines"].letters(split)  # type: ignore[arg-type]
        np.testing.assert_array_equal(same.values, found.values)
    assert (entry.facts.classes, entry.facts.class_names) == ((0, 1), ("Y", "R"))
    assert not [*store.verify("m@tokens/purines")]


def test_the_catalog_counts_letters_and_no_item_is_unlabelled(root: Path) -> None:
    run(config(root, "tokens", tokens={"layers": [0]}), Silent(), "run")
    rows = Catalog(root / "tokens.duckdb").query("SELECT facts FROM datasets WHERE dataset = 'purines'").rows
    facts = json.loads(str(rows[0][0]))
    for split in N:
        text = "".join(json.loads(line)["label"] for line in (root / f"data/purines/{split}.jsonl").open())
        assert facts[split]["n_unlabelled"] == 0
        assert facts[split]["label_counts"] == [text.count("Y"), text.count("R")]
        assert facts[split]["n_letters"] == len(text) - text.count(".")


def test_controls_of_letters_are_stored_as_tokens(root: Path) -> None:
    models = [{"kind": "onehot", "window": 5}, {"kind": "kmer", "k": 2, "window": 7}, {"kind": "position"}]
    made = config(root, "controls", models, tokens={"layers": [-1]})
    assert [model.name for model in made.models] == ["onehot-window-5", "kmer-2-window-7", "position"]
    outcome = run(made, Silent(), "run")
    assert outcome.failed == ()
    store = open_store(root / "controls.zarr")
    items = [json.loads(line) for line in (root / "data/purines/train.jsonl").open()]
    for name, width in (("onehot-window-5", 20), ("kmer-2-window-7", 16), ("position", 4)):
        entry = store[f"{name}@tokens/purines"]
        assert isinstance(entry, TokenEmbeddings)
        found = entry.tokens(0, "train")
        assert found.hidden == width
        assert not entry.has_spans("train")
        assert np.diff(found.offsets_Q).tolist() == [len(item["seq"]) for item in items]
        assert entry.letters("train").n_letters == found.n_tokens
    middle = store["onehot-window-5@tokens/purines"].tokens(0, "train").numpy().values_RH[:, 8:12]
    told = "".join(item["seq"] for item in items)
    np.testing.assert_array_equal(middle, [[letter == each for each in "ACGT"] for letter in told])
    assert run(made, Silent(), "run").done.get("extract", 0) == 0  # all is there


def test_controls_of_letters_need_tokens(root: Path) -> None:
    with pytest.raises(ValueError, match="must be an odd number"):
        config(root, "none", [{"kind": "onehot", "window": 4}], tokens={})
    with pytest.raises(ValueError, match=r"set extract\.tokens, or leave this control out"):
        config(root, "none", [{"kind": "onehot", "window": 5}])


def test_a_head_of_whole_sequences_is_refused_for_labels_of_letters(root: Path) -> None:
    models = [{"path": str(root / "model"), "name": "m", "dtype": "float32"}]
    made = config(root, "tuned", models).model_copy(update={"finetune": FinetuneConfig(head="cls")})
    told = "finetune.head: cls answers for whole sequences, labels of purines are of letters"
    with pytest.raises(SeqbenchError, match=told):
        run(made, Silent(), "finetune")
