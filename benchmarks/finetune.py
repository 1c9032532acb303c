"""Fine-tuning against transformers' Trainer: tokens a second, memory, LoRA against full, and kills.

    OMP_NUM_THREADS=2 python benchmarks/finetune.py speed
    OMP_NUM_THREADS=2 python benchmarks/finetune.py memory
    OMP_NUM_THREADS=2 python benchmarks/finetune.py lora
    python benchmarks/finetune.py kills --kills 20

Made data: sequences of 71 to 593 letters through a BERT of 6 x 256 (memory: 12 x 256) with random weights, in
float32. `speed` trains the same items with the same settings by seqbench and by the Trainer, with dynamic
padding and with sampling by length, in processes of their own, in turns. The Trainer has the batch size that
was fastest of several on a quarter of the items. The mean loss of train after the same items is printed
beside it. Each is meant to take some six minutes on two cores; run it on an idle machine.
"""

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

LENGTHS = (71, 593)
BATCHES = (4, 8, 16, 32)
ROUNDS = 3


def main() -> None:
    """Run one of the comparisons; `one` is what their processes call."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "memory", "lora", "kills", "one"))
    parser.add_argument("--items", type=int, default=256)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.what == "one":
        print(json.dumps(_one(**arguments.job)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if arguments.what == "kills":
            _kills(folder, arguments.kills)
        else:
            _compare(arguments.what, folder, arguments.items, arguments.rounds)


def _compare(what: str, folder: Path, n_items: int, rounds: int) -> None:
    """Run the ways of training in turns, and print the median of each."""
    blocks = 12 if what == "memory" else 6
    _write(folder, n_items=n_items, blocks=blocks)
    base = {"folder": str(folder)}
    ways: dict[str, dict[str, Any]] = {"seqbench": {"by": "seqbench"}}
    if what == "lora":
        ways = {encoder: {"by": "seqbench", "encoder": encoder, "size": 8} for encoder in ("full", "lora")}
    elif what == "memory":
        ways = {by: {"by": by, "size": 8} for by in ("seqbench", "trainer", "by length")}
    else:
        for by in ("trainer", "by length"):
            size = _best_size(base | {"by": by, "limit": n_items // 4})
            ways[f"{by}, {size}"] = {"by": by, "size": size}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, job in ways.items():
            found[name].append(_in_process(base | job))
    print(f"{'':16}{'tokens/s':>10}{'s a step':>10}{'MB above weights':>18}{'train loss':>12}")
    for name, runs in found.items():
        middle = sorted(runs, key=lambda run: run["tokens_per_second"])[len(runs) // 2]
        print(
            f"{name:16}{middle['tokens_per_second']:10,.0f}{middle['seconds_per_step']:10.3f}"
            f"{middle['megabytes']:18,.0f}{middle['loss']:12.4f}"
        )


def _best_size(job: dict[str, Any]) -> int:
    """The batch size with the most tokens a second."""
    speeds = {size: _in_process(job | {"size": size})["tokens_per_second"] for size in BATCHES}
    print(", ".join(f"{job['by']}, {size}: {speed:,.0f} tokens/s" for size, speed in speeds.items()))
    return max(speeds, key=speeds.__getitem__)


def _in_process(job: dict[str, Any]) -> dict[str, float]:
    """Train in a process of its own."""
    command = [sys.executable, __file__, "one", "--job", json.dumps(job)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    if shown.returncode:
        raise SystemExit(f"{job} ended with {shown.returncode}:\n{shown.stderr[-2000:]}")
    found: dict[str, float] = json.loads(shown.stdout.splitlines()[-1])
    return found


def _write(folder: Path, *, n_items: int, blocks: int) -> None:
    """A checkpoint with random weights, and a data set whose labels are whether G and C are many."""
    import torch
    import transformers

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.tiny import LETTERS, SPECIALS, letter_tokenizer

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(SPECIALS) + len(LETTERS),
        hidden_size=256,
        num_hidden_layers=blocks,
        num_attention_heads=4,
        intermediate_size=1024,
        max_position_embeddings=640,
        pad_token_id=0,
    )
    transformers.BertModel(config).save_pretrained(folder / "model")
    letter_tokenizer(specials_around=True, max_length=640).save_pretrained(folder / "model")
    draw = random.Random(0)
    for split, count in (("train", n_items), ("eval", 8), ("test", 8)):
        lines = []
        for number in range(count):
            weights = (1, 1, 1, 1) if number % 2 else (1, 2, 2, 1)
            sequence = "".join(draw.choices("ACGT", weights, k=draw.randint(*LENGTHS)))
            lines.append(json.dumps({"seq": sequence, "label": number % 2}))
        path = folder / "data" / "made" / f"{split}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))


def _one(
    *, folder: str, by: str, size: int | None = None, encoder: str = "full", limit: int | None = None
) -> dict[str, float]:
    """Train one epoch in this process; the Trainer on the first `limit` items."""
    if by == "seqbench":
        return _by_seqbench(Path(folder), size, encoder)
    return _by_trainer(Path(folder), size or 8, limit, by_length=by == "by length")


def _by_seqbench(folder: Path, size: int | None, encoder: str) -> dict[str, float]:
    import transformers  # noqa: F401

    from seqbench.config import load_config
    from seqbench.core.progress import Silent
    from seqbench.schedule.run import run

    out = Path(tempfile.mkdtemp(dir=folder))
    config = {
        "models": [{"path": str(folder / "model"), "name": "m", "dtype": "float32"}],
        "datasets": {"root": str(folder / "data")},
        "catalog": str(out / "catalog.duckdb"),
        "finetune": {
            "encoder": [encoder],
            "epochs": 1,
            "lr": 1e-4,
            "warmup": 0.0,
            "decay": "constant",
            "dropout": 0.0,
            "batch_size": size,
            "out": str(out),
        },
    }
    path = out / "config.yaml"
    path.write_text(json.dumps(config))
    before = _peak()
    outcome = run(load_config(path).config, Silent(), "finetune")
    if outcome.failed:
        raise SystemExit(str(outcome.failed))
    facts = _facts(out / f"m-made-{encoder}-42")
    return {
        "tokens_per_second": facts["tokens"] / facts["seconds"],
        "seconds_per_step": facts["seconds"] / facts["steps"],
        "megabytes": (_peak() - before) / 1e6 - _weights(folder),
        "loss": facts["curve"][0][1],
    }


def _by_trainer(folder: Path, size: int, limit: int | None, *, by_length: bool) -> dict[str, float]:
    import torch
    import transformers
    from transformers import BertForSequenceClassification, Trainer  # noqa: F401 -- before memory is counted

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "model")
    lines = (folder / "data" / "made" / "train.jsonl").read_text().splitlines()[:limit]
    items = []
    for line in lines:
        item = json.loads(line)
        items.append({"input_ids": tokenizer(item["seq"])["input_ids"], "labels": item["label"]})
    before = _peak()
    torch.manual_seed(42)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder / "model", num_labels=2)
    settings: dict[str, Any] = {
        "output_dir": tempfile.mkdtemp(dir=folder),
        "per_device_train_batch_size": size,
        "num_train_epochs": 1,
        "learning_rate": 1e-4,
        "lr_scheduler_type": "constant",
        "weight_decay": 1e-6,
        "max_grad_norm": 1.0,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
    }
    if by_length:
        settings["train_sampling_strategy"] = "group_by_length"
    try:
        made = transformers.TrainingArguments(**settings)
    except TypeError:  # older versions have a switch of their own
        del settings["train_sampling_strategy"]
        made = transformers.TrainingArguments(**settings, group_by_length=True)
    trainer = transformers.Trainer(
        model=model,
        args=made,
        train_dataset=items,
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
    )
    began = time.perf_counter()
    result = trainer.train()
    seconds = time.perf_counter() - began
    return {
        "tokens_per_second": sum(len(item["input_ids"]) for item in items) / seconds,
        "seconds_per_step": seconds / result.global_step,
        "megabytes": (_peak() - before) / 1e6 - _weights(folder),
        "loss": result.training_loss,
    }


def _peak() -> int:
    """Most memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _weights(folder: Path) -> float:
    return (folder / "model" / "model.safetensors").stat().st_size / 1e6


def _kills(folder: Path, n_kills: int) -> None:
    """Kill a training of 300 steps again and again; weights and predictions against an undisturbed one."""
    _write(folder, n_items=600, blocks=2)
    finetune = {"encoder": ["full"], "steps": 300, "batch_size": 2, "lr": 1e-4, "checkpoint_steps": 5}
    for name in ("whole", "killed"):
        config = {
            "models": [{"path": str(folder / "model"), "name": "m", "dtype": "float32"}],
            "datasets": {"root": str(folder / "data")},
            "catalog": str(folder / name / "catalog.duckdb"),
            "finetune": finetune | {"out": str(folder / name / "out")},
        }
        (folder / name).mkdir()
        (folder / name / "config.yaml").write_text(json.dumps(config))
    seconds = _run(folder / "whole")
    training = _facts(folder / "whole" / "out" / "m-made-full-42")["seconds"]
    draw = random.Random(0)
    for number in range(n_kills):
        process = subprocess.Popen(_command(folder / "killed"), stderr=subprocess.DEVNULL)
        if number % 4 == 0:  # at any moment of the start
            time.sleep(draw.uniform(0, seconds - training))
        else:  # a little after it went on and kept its state anew
            _wait_for_state(folder / "killed", process)
            time.sleep(draw.uniform(0, training / (8 * n_kills)))
        if process.poll() is not None:
            raise SystemExit(f"it ended after {number} kills; take a longer training")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    _run(folder / "killed")
    same = [
        (folder / name / "out" / "m-made-full-42" / file).read_bytes()
        for file in ("model.safetensors", "head.safetensors")
        for name in ("whole", "killed")
    ]
    print(
        f"{n_kills} kills: weights {'identical' if same[0] == same[1] and same[2] == same[3] else 'DIFFER'}"
    )
    scores = [_predictions(folder / name) for name in ("whole", "killed")]
    print(f"predictions {'identical' if scores[0] == scores[1] else 'DIFFER'}")


def _wait_for_state(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a training keeps its state, or has ended."""
    states = folder / ".seqbench-checkpoints"
    before = _newest(states)
    while process.poll() is None and _newest(states) == before:
        time.sleep(0.01)


def _newest(states: Path) -> int:
    """When the newest state was written, in ns; 0 without any."""
    found = 0
    for path in states.glob("finetune-*"):
        with suppress(FileNotFoundError):
            found = max(found, path.stat().st_mtime_ns)
    return found


def _facts(folder: Path) -> dict[str, Any]:
    """What a training took."""
    facts: dict[str, Any] = json.loads((folder / "finetuned.json").read_text())["training"]
    return facts


def _command(folder: Path) -> list[str]:
    program = "from seqbench.cli.main import main; main()"
    return [sys.executable, "-c", program, "finetune", str(folder / "config.yaml")]


def _run(folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(_command(folder), check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def _predictions(folder: Path) -> list[tuple[Any, ...]]:
    from seqbench.catalog import Catalog

    query = "SELECT split, item, output, score FROM predictions ORDER BY ALL"
    return list(Catalog(folder / "catalog.duckdb").query(query).rows)


if __name__ == "__main__":
    main()
