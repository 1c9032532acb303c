"""Adaptation against transformers' Trainer: speed, loss, masks, kills, memory.

    python benchmarks/adapt.py speed MODEL CORPUS [--tokens 2000000] [--rounds 3]
    python benchmarks/adapt.py masks MODEL CORPUS [--tokens 1000000]
    python benchmarks/adapt.py kills MODEL CORPUS [--times 20]
    python benchmarks/adapt.py memory MODEL [--megabytes 20 2000]

`speed` trains with seqbench and with Trainer + DataCollatorForLanguageModeling, on the windows that seqbench
cuts, in turns; Trainer at the best of several batch sizes, with batches of like length (its own grouping) and
without. Both see as many tokens; the losses on held-out documents are measured by the same code. Run it on a
machine that does nothing else.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH_SIZES = (4, 8, 16, 32)
TRIAL_TOKENS = 20_000
"""By which the best batch size is told."""


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "masks", "kills", "memory", "child"])
    parser.add_argument("model", type=Path)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[20, 2000])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--varied", action="store_true", help="cut documents to 71 to 1,000 letters first")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    {"speed": speed, "masks": masks, "kills": kills, "memory": memory, "child": child}[given.what](given)


def entry_of(given: argparse.Namespace, **changed: Any) -> Any:
    """The settings that both sides train with."""
    from seqbench.config.adapt import AdaptConfig

    settings = {"steps": given.steps, "lr": given.lr, "decay": "constant", "warmup_steps": 10}
    corpora = [{"path": given.corpus, "name": "corpus"}]
    entry = {"name": "adapted", "model": "base", "corpora": corpora, "dtype": given.dtype}
    return AdaptConfig.model_validate({**entry, **settings, **changed})


def source_of(model: Path) -> Any:
    """The base model."""
    from seqbench.models.base import EmbedOptions
    from seqbench.models.huggingface import HuggingFace

    return HuggingFace(name="base", path=str(model.absolute()), dtype="float32", options=EmbedOptions())


def opened(given: argparse.Namespace) -> tuple[Any, Any, Any, list[Any]]:
    """Model, settings, what makes examples, and the corpora."""
    from seqbench.adapt.batches import ExampleMaker
    from seqbench.adapt.inputs import open_corpora
    from seqbench.tuning.trainable import objective_of, open_language_model

    entry = entry_of(given)
    corpora = open_corpora(entry)
    alphabet = corpora[0].train.alphabet
    objective = objective_of(source_of(given.model))
    model = open_language_model(source_of(given.model), objective, alphabet)
    return model, entry, ExampleMaker(model, objective, entry, alphabet), corpora


def windows_of(maker: Any, corpora: list[Any], n_tokens: int) -> list[Any]:
    """The windows of train in the order of seqbench's first epochs, up to so many tokens."""
    from seqbench.corpora.mixture import Mixture, Portion

    pieces = corpora[0].pieces(maker.piece_letters(corpora[0].train))
    mixture = Mixture([Portion(pieces=pieces)], maker.windows, seed=0)
    found = []
    while sum(mixture.n_tokens) < n_tokens:
        found.append(mixture.next())
    return found


def speed(given: argparse.Namespace) -> None:
    """Tokens a second of both, and the losses after as many tokens."""
    from seqbench.adapt.inputs import TOKENS_PER_BATCH

    if given.varied:
        given.corpus = varied(given.corpus)
    model, entry, maker, corpora = opened(given)
    windows = windows_of(maker, corpora, given.tokens)
    mean = statistics.fmean(len(window.ids_T) for window in windows)
    print(f"{len(windows):,} windows, {mean:.0f} tokens on average")
    held_out = held_out_of(maker, corpora, entry)
    print(f"loss before: {loss_of(model, held_out):.4f} nats a token")
    trials = {
        (size, grouped): train_with_trainer(
            given, windows, size, grouped, max(2, round(TRIAL_TOKENS / (size * mean)))
        )[0]
        for size in BATCH_SIZES
        for grouped in (False, True)
    }
    for (size, grouped), rate in trials.items():
        print(f"  Trainer, batches of {size}{', like lengths' if grouped else ''}: {rate:,.0f} tokens/s")
    size, grouped = max(trials, key=lambda each: trials[each])
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(given.rounds):
        rate, n_tokens, folder = train_with_seqbench(given, given.tokens // TOKENS_PER_BATCH)
        ours.append(rate)
        print(f"seqbench: {rate:,.0f} tokens/s, loss {loss_in(given, folder, held_out):.4f}")
        steps = max(1, round(n_tokens / (size * mean)))
        rate, folder = train_with_trainer(given, windows, size, grouped, steps)
        theirs.append(rate)
        print(f"Trainer, {size} a batch: {rate:,.0f} tokens/s, loss {loss_in(given, folder, held_out):.4f}")
    same = max(1, round(TOKENS_PER_BATCH / mean))
    steps = max(1, round(n_tokens / (same * mean)))
    _, folder = train_with_trainer(given, windows, same, grouped, steps)
    print(f"Trainer, {same} a batch (as many tokens a step): loss {loss_in(given, folder, held_out):.4f}")
    print(f"ratio: {statistics.median(ours) / statistics.median(theirs):.2f}")


def varied(path: Path) -> Path:
    """The same documents, each cut to a random length."""
    from seqbench.corpora.corpus import open_corpus
    from seqbench.corpora.source import CorpusSource

    draw, found = random.Random(0), Path(tempfile.mkdtemp()) / path.name
    with found.open("w") as file:
        for _, text in open_corpus(CorpusSource(name="corpus", path=path)).documents():
            file.write(json.dumps({"seq": text[: draw.randint(71, 1000)]}) + "\n")
    return found


def held_out_of(maker: Any, corpora: list[Any], entry: Any) -> list[Any]:
    """Batches of held-out examples."""
    from seqbench.adapt.batches import held_out_batches

    return held_out_batches(maker, corpora, entry)["corpus"]


def loss_of(model: Any, batches: list[Any]) -> float:
    """Nats a target in float32."""
    from seqbench.adapt.objective import LanguageObjective
    from seqbench.training.network import mean_loss

    return mean_loss(model, LanguageObjective(model), batches)


def loss_in(given: argparse.Namespace, folder: Path, batches: list[Any]) -> float:
    """The same of a model in a folder."""
    from seqbench.tuning.trainable import objective_of, open_language_model

    source = source_of(folder)
    return loss_of(open_language_model(source, objective_of(source), None), batches)


def train_with_seqbench(given: argparse.Namespace, steps: int) -> tuple[float, int, Path]:
    """Tokens a second without loading, tokens, and the model's folder."""
    from seqbench.adapt.inputs import open_corpora
    from seqbench.adapt.training import Surroundings, adapt

    entry = entry_of(given, steps=steps)
    out = Path(tempfile.mkdtemp())
    told: list[float] = []
    around = Surroundings(
        states=out / "states", folder=lambda name: out / name, advance=lambda amount: told.append(now())
    )
    began = time.perf_counter()
    found = adapt(entry, source_of(given.model), open_corpora(entry), around)[-1]
    # Looks at held-out documents are part of it: Trainer has none, so this is on the safe side.
    seconds = told[-1] - told[0] if len(told) > 1 else now() - began
    return found.tokens / seconds, found.tokens, out / "adapted"


def now() -> float:
    """Seconds."""
    return time.perf_counter()


class Counting:
    """A collator that counts real tokens."""

    def __init__(self, collator: Any) -> None:
        self.collator, self.n_tokens = collator, 0

    def __call__(self, examples: list[Any]) -> Any:
        """Collate, and count."""
        self.n_tokens += sum(len(example["input_ids"]) for example in examples)
        return self.collator(examples)


def train_with_trainer(
    given: argparse.Namespace, windows: list[Any], size: int, grouped: bool, steps: int
) -> tuple[Any, ...]:
    """Tokens a second of Trainer, and the model's folder."""
    import transformers
    from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

    from seqbench.tuning.trainable import HEADS, objective_of

    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(given.model)
    objective = objective_of(source_of(given.model))
    auto = getattr(transformers, HEADS[objective])
    out = tempfile.mkdtemp()
    chosen = {"train_sampling_strategy": "group_by_length"} if grouped else {}
    arguments = TrainingArguments(
        output_dir=out, per_device_train_batch_size=size, max_steps=steps, learning_rate=given.lr,
        lr_scheduler_type="constant_with_warmup", warmup_steps=10, weight_decay=0.01, max_grad_norm=1.0,
        bf16=given.dtype == "bfloat16", report_to=[], save_strategy="no", logging_strategy="no",
        disable_tqdm=True, use_cpu=not has_gpu(), seed=0, **chosen,
    )  # fmt: skip
    rows = [
        {"input_ids": window.ids_T.tolist(), "attention_mask": [1] * len(window.ids_T)} for window in windows
    ]
    collator = Counting(DataCollatorForLanguageModeling(tokenizer, mlm=objective == "mlm"))
    trainer = Trainer(
        model=auto.from_pretrained(given.model), args=arguments, train_dataset=rows, data_collator=collator
    )
    seconds = trainer.train().metrics["train_runtime"]
    trainer.model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return collator.n_tokens / seconds, Path(out)


def has_gpu() -> bool:
    """Whether torch sees one."""
    import torch

    return bool(torch.cuda.is_available())


def masks(given: argparse.Namespace) -> None:
    """Shares of masks over so many tokens, beside their standard errors."""
    _, _, maker, corpora = opened(given)
    vocabulary = maker.vocabulary
    counts = dict.fromkeys(("tokens", "may", "targets", "mask", "same", "other", "touched"), 0)
    for window in windows_of(maker, corpora, given.tokens):
        example, may_T = maker.example(window), vocabulary.allowed_V[window.ids_T]
        inputs = example.inputs_T[example.asked_T]
        counts["tokens"] += len(window.ids_T)
        counts["may"] += int(may_T.sum())
        counts["targets"] += len(inputs)
        counts["mask"] += int((inputs == vocabulary.mask_id).sum())
        counts["same"] += int((inputs == example.labels_M).sum())
        counts["touched"] += int((example.inputs_T != window.ids_T)[~may_T].sum())
        counts["touched"] += int((example.asked_T & ~may_T).sum())
    counts["other"] = counts["targets"] - counts["mask"] - counts["same"]
    print(json.dumps(counts))
    for name, of, share in (("targets", "may", 0.15), ("mask", "targets", 0.8)):
        n, found = counts[of], counts[name]
        error = (n * share * (1 - share)) ** 0.5
        print(f"{name}: {found / n:.4f} of {of} ({(found - n * share) / error:+.1f} standard errors)")
    print(f"special, unknown and odd tokens touched: {counts['touched']}")


def kills(given: argparse.Namespace) -> None:
    """Kill a training at random moments; its weights must be those of one that was left alone."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as scratch:
        alone, killed = Path(scratch) / "alone", Path(scratch) / "killed"
        run_child(given, alone).wait()
        for number in range(given.times):
            process = run_child(given, killed)
            if not goes_on(killed, process):
                raise SystemExit(f"it ended after {number} kills; take more --steps")
            time.sleep(draw.uniform(0.0, 1.0))
            process.send_signal(signal.SIGKILL)
            process.wait()
            print(f"kill {number + 1} of {given.times}", flush=True)
        run_child(given, killed).wait()
        same = {
            folder.name: (folder / "model.safetensors").read_bytes()
            == (killed / folder.name / "model.safetensors").read_bytes()
            for folder in alone.iterdir()
            if folder.name.startswith("adapted")
        }
        print(f"models that are the same to the bit: {same}")


def goes_on(out: Path, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until a training has saved its state anew, so that a kill falls into it; False where it ended."""

    def saved() -> list[int]:
        return [file.stat().st_mtime_ns for file in (out / "states").glob("*.safetensors")]

    before = saved()
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if saved() not in ([], before):
                return True
        time.sleep(0.02)
    return False


def run_child(given: argparse.Namespace, out: Path) -> "subprocess.Popen[bytes]":
    """A training in a process of its own."""
    asked = [sys.executable, __file__, "child", str(given.model), str(given.corpus), "--out", str(out)]
    return subprocess.Popen([*asked, "--steps", str(given.steps), "--dtype", given.dtype])


def child(given: argparse.Namespace) -> None:
    """Train, saving the state at each chance; print the peak of memory."""
    import resource

    from seqbench.adapt import training
    from seqbench.adapt.inputs import open_corpora

    training.SAVE_SECONDS = 0.0
    training.MOST_STEPS_UNSAVED = 5
    entry = entry_of(given, checkpoint_steps=max(1, given.steps // 3))
    out = given.out
    around = training.Surroundings(states=out / "states", folder=lambda name: out / name)
    training.adapt(entry, source_of(given.model), open_corpora(entry), around)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "MiB at most")


def memory(given: argparse.Namespace) -> None:
    """Peak memory of the same steps on corpora of two sizes."""
    with tempfile.TemporaryDirectory() as scratch:
        for size in given.megabytes:
            given.corpus = Path(scratch) / f"{size}.jsonl"
            write_lines(given.corpus, size)
            print(f"{size} MB:", flush=True)
            os.environ["SEQBENCH_CACHE"] = str(Path(scratch) / "cache")
            run_child(given, Path(scratch) / str(size)).wait()


def write_lines(path: Path, megabytes: int) -> None:
    """Random DNA, some 500 letters a line."""
    with path.open("w") as file:
        for text in random_dna(megabytes * 1_000_000):
            file.write(json.dumps({"seq": text}) + "\n")


def random_dna(n_letters: int) -> Iterator[str]:
    """Documents of random letters."""
    import numpy as np

    random_numbers = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)
    while n_letters > 0:
        length = int(random_numbers.integers(71, 1000))
        yield letters[random_numbers.integers(0, 4, length)].tobytes().decode()
        n_letters -= length


if __name__ == "__main__":
    main()
