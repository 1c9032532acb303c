"""Heads for letters: linear probes of seven layers beside scikit-learn, a convolution beside biotrainer's.

Shape letters: M letters, H width.
"""

import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import yaml
from common.results import Figure
from common.turns import in_turns, paired
from extraction.setting import Setting
from numpy.typing import NDArray

from seqbench.config import ProbeConfig
from seqbench.core.types import SplitName, Task
from seqbench.datasets.letters import LetterLabels
from seqbench.probe.letter_vectors import LetterVectors
from seqbench.probe.run import run_probes
from seqbench.probe.token_heads.run import run_token_probes
from seqbench.stages.designs import designs
from seqbench.store import LayerTokens, TokenEmbeddings
from seqbench.store.layout import blocks
from seqbench.store.tokens import offsets_of
from tokenwise.made import make_entry, whole_items

LAYERS, WIDTH, CLASSES = 7, 256, 3
STRENGTHS = tuple(10.0**power for power in range(-4, 3))
EPOCHS, BATCH, CHANNELS = 3, 32, 32
BIOTRAINER = "SEQBENCH_BENCHMARK_BIOTRAINER"
"""Variable that names the Python of an environment with biotrainer."""


def linear(setting: Setting) -> list[Figure]:
    """Linear probes of all layers by letter, and scikit-learn's on the same letters and strengths."""
    entry = make_store(setting.folder / "letters.zarr", setting.scaled(300), LAYERS)
    scores: dict[str, list[float]] = {}

    def ours() -> float:
        began = time.perf_counter()
        found = probe_linear(entry)
        scores["seqbench"] = found
        return time.perf_counter() - began

    def theirs() -> float:
        began = time.perf_counter()
        scores["scikit-learn"] = plain_linear(entry)
        return time.perf_counter() - began

    values = in_turns(
        {"seqbench": ours, "scikit-learn": theirs}, setting.rounds, setting.console, "linear probes, seconds"
    )
    apart = max(abs(a - b) for a, b in zip(scores["seqbench"], scores["scikit-learn"], strict=True))
    return [
        Figure(
            benchmark="linear",
            what=f"{LAYERS} layers' linear probes by letter: speed over scikit-learn's LogisticRegression",
            values=paired(values["scikit-learn"], values["seqbench"]),
            unit="×",
            target=10.0,
            note=f"{len(LetterVectors(entry, 'train')):,} letters of train, width {WIDTH}, the same "
            f"{len(STRENGTHS)} strengths; accuracies at most {apart:.4f} apart; reading, scores and "
            "intervals included on seqbench's side only",
        )
    ]


def convolution(setting: Setting) -> list[Figure]:
    """Training a convolution by letter, and biotrainer's CNN in its own environment."""
    python = os.environ.get(BIOTRAINER)
    if python is None:
        setting.say(f"convolution: left out, as {BIOTRAINER} names no Python that has biotrainer")
        return []
    entry = make_store(setting.folder / "conv.zarr", setting.scaled(600), 1)
    config = write_for_biotrainer(entry, setting.folder / "biotrainer")
    n_train = entry.facts.splits["train"].n_items

    def ours() -> float:
        began = time.perf_counter()
        found = probe_conv(entry)
        assert found > 1 / CLASSES
        return EPOCHS * n_train / (time.perf_counter() - began)

    values = in_turns(
        {"seqbench": ours, "biotrainer": lambda: EPOCHS * n_train / train_biotrainer(python, config)},
        setting.rounds,
        setting.console,
        "convolution, items/s",
    )
    return [
        Figure(
            benchmark="convolution",
            what="conv by letter: items/s over biotrainer's CNN, start-up left out on both sides",
            values=paired(values["seqbench"], values["biotrainer"]),
            unit="×",
            target=2.0,
            note=f"{n_train:,} sequences of 50–400, width {WIDTH}, {CHANNELS} channels, kernel 7, {EPOCHS} "
            f"epochs, batches of {BATCH}; scores with intervals included on both sides",
        )
    ]


def make_store(path: Path, count: int, n_layers: int) -> TokenEmbeddings:
    """Random letters of three classes that a linear map tells apart in part, in deeper layers better."""
    rng = np.random.default_rng(0)
    sizes: dict[SplitName, int] = {"train": count, "eval": max(8, count // 8), "test": max(8, count // 4)}
    entry = make_entry(
        path, sizes, n_classes=CLASSES, n_layers=n_layers, width=WIDTH, dtype="float32", block_rows=64,
        level="token",
    )  # fmt: skip
    means_CH = rng.standard_normal((CLASSES, WIDTH)) * 0.05
    mixing_HH = rng.standard_normal((WIDTH, WIDTH)) / np.sqrt(WIDTH) * np.geomspace(1, 30, WIDTH)
    for split, size in sizes.items():
        lengths = rng.integers(50, 401, size)
        offsets = offsets_of(lengths)
        labels_M = rng.integers(0, CLASSES, offsets[-1])
        entry.put_lengths(split, lengths, None)
        no_labels = np.full(size, np.iinfo(np.int64).min)
        entry.prepare(split, no_labels, range(n_layers))
        entry.put_letters(split, LetterLabels(task=Task.CLASSIFICATION, values=labels_M, offsets=offsets))
        for block in blocks(size, 64):
            rows = slice(int(offsets[block.start]), int(offsets[block.stop]))
            own = labels_M[rows]
            layers = [
                LayerTokens(
                    layer=layer,
                    parts=[
                        np.asarray(
                            (means_CH[own] * (layer + 1) + rng.standard_normal((len(own), WIDTH)))
                            @ mixing_HH,
                            dtype=np.float32,
                        )
                    ],
                )
                for layer in range(n_layers)
            ]
            entry.write_tokens(split, block, layers, whole_items(block.stop - block.start))
    return entry


def probe_linear(entry: TokenEmbeddings) -> list[float]:
    """Accuracies on test by layer."""
    config = ProbeConfig.model_validate(
        {"heads": ["linear"], "seeds": [1], "linear": {"strengths": STRENGTHS}}
    )
    wanted, layers = designs(config, None), range(LAYERS)
    found = {}
    for records in run_probes(entry, layers, wanted, known=(), run_id="r", advance=lambda amount: None):
        for record in records:
            test = next(split for split in record.splits if split.split == "test")
            found[record.layer] = float(test.metrics[0].value or 0.0)
    return [found[layer] for layer in layers]


def plain_linear(entry: TokenEmbeddings) -> list[float]:
    """The same by scikit-learn: a model a layer and strength, the best on eval."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.preprocessing import StandardScaler

    scores = []
    for layer in range(LAYERS):
        parts: dict[SplitName, tuple[NDArray[np.float32], NDArray[np.generic]]] = {}
        for split in entry.splits:
            letters = entry.letters(split)
            parts[split] = (entry.tokens(layer, split).numpy().values_RH, letters.values)
        scaler = StandardScaler().fit(parts["train"][0])
        x = {split: scaler.transform(own[0]) for split, own in parts.items()}
        fits = [LogisticRegression(C=c, max_iter=2000).fit(x["train"], parts["train"][1]) for c in STRENGTHS]
        losses = [log_loss(parts["eval"][1], fit.predict_proba(x["eval"])) for fit in fits]
        scores.append(float(fits[int(np.argmin(losses))].score(x["test"], parts["test"][1])))
    return scores


def probe_conv(entry: TokenEmbeddings) -> float:
    """Accuracy on test of a convolution."""
    own = {"epochs": EPOCHS, "batch_size": BATCH, "width": CHANNELS, "depth": 1, "kernel": 7, "dropout": 0.0}
    config = ProbeConfig.model_validate({"heads": ["conv"], "seeds": [1], "conv": own})
    (records,) = run_token_probes(
        entry, [0], designs(config, None), known=(), run_id="r", advance=lambda amount: None
    )
    test = next(split for split in records[0].splits if split.split == "test")
    return float(test.metrics[0].value or 0.0)


def write_for_biotrainer(entry: TokenEmbeddings, folder: Path) -> Path:
    """Sequences with labels, embeddings and a config as biotrainer reads them."""
    import h5py

    folder.mkdir(parents=True)
    names = {"train": "train", "eval": "val", "test": "test"}
    with h5py.File(folder / "vectors.h5", "w") as file, (folder / "items.fasta").open("w") as fasta:
        for split in entry.splits:
            letters, array = entry.letters(split), entry.tokens(0, split)
            for item in range(len(letters)):
                name = f"{split}{item}"
                text = "".join("HEC"[value] for value in letters.item(item).tolist())
                own = np.random.default_rng([len(split), item]).integers(0, 20, len(text))
                residues = "".join("ACDEFGHIKLMNPQRSTVWY"[number] for number in own)
                fasta.write(f">{name} TARGET={text} SET={names[split]}\n{residues}\n")
                # biotrainer 1.4 finds vectors by this hash, not by id.
                key = hashlib.sha256(f"{residues}_{len(residues)}".encode()).hexdigest()
                file.create_dataset(key, data=array[item])
    settings = {
        "protocol": "residue_to_class", "input_file": str(folder / "items.fasta"),
        "embeddings_file": str(folder / "vectors.h5"), "model_choice": "CNN", "num_epochs": EPOCHS,
        "batch_size": BATCH, "learning_rate": 1e-3, "patience": EPOCHS + 1, "device": "cpu",
        "output_dir": str(folder / "out"),
    }  # fmt: skip
    (folder / "config.yml").write_text(yaml.safe_dump(settings))
    return folder / "config.yml"


def train_biotrainer(python: str, config: Path) -> float:
    """Seconds of its run, imports left out."""
    code = (
        "import json, shutil, sys, time, pathlib; import torch; from biotrainer.utilities.executer import "
        "parse_config_file_and_execute_run as run; where = pathlib.Path(sys.argv[1]); "
        "shutil.rmtree(where.parent / 'out', ignore_errors=True); began = time.perf_counter(); "
        "run(str(where)); print(json.dumps(time.perf_counter() - began))"
    )
    found = subprocess.run([python, "-c", code, str(config)], stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(found.stdout.splitlines()[-1]))
