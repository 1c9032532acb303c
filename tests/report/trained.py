"""A catalog of models that were trained, with planted predictions."""

from predicted_records import model, predicted
from trained_rows import SIZES

from seqbench.catalog.records import EmbeddingRecord
from tests.catalog.catalog_records import training_record

QUALITIES = {"bert": {"lora": 1.2, "full": 1.4}, "esm": {"lora": 0.9, "full": 0.4}}
"""How much fine-tuned models know, by model and way; frozen ones know what `predicted_records` says."""
FROZEN = {"esm": (0.2, 0.6, 0.7), "phage": (0.1, 0.9, 1.2)}


def train(catalog, datasets, *, seeds=(1, 2)):
    """Add esm and phage (bert adapted) as frozen models, and bert and esm fine-tuned in both ways."""
    catalog.append([model("esm", "huggingface", path="esm"), model("phage", "huggingface", path="phage")])
    for dataset in datasets:
        frozen = [
            predicted(name, dataset, layer, 3, quality, seed=seed, parameters=514)
            for name, qualities in FROZEN.items()
            for layer, quality in enumerate(qualities)
            for seed in seeds
        ]
        catalog.append([*frozen, embedded("bert", dataset), embedded("esm", dataset)])
        for name, ways in QUALITIES.items():
            for way, quality in ways.items():
                catalog.append(_trained(name, dataset, way, quality, seeds))
    adapted = {"stage": "adapt", "model": "phage", "base": "bert", "dataset": None, "encoder": "full"}
    catalog.append([training_record(key="adapted", probes=(), **adapted)])
    return catalog


def embedded(name, dataset):
    """What embedding test took: a minute on the CPU."""
    return EmbeddingRecord(
        model=name, dataset=dataset, split="test", n_items=150, tokens=9000, seconds=60.0, bytes=1,
        coverage_mean=1.0, coverage_min=1.0, device="cpu", dtype="float32", settings={},
    )  # fmt: skip


def _trained(name, dataset, way, quality, seeds):
    for seed in seeds:
        probe = predicted(name, dataset, 2, 3, quality, seed=seed, head=way, variant="tuned")
        yield probe
        yield training_record(
            key=probe.spec_hash, model=name, base=name, dataset=dataset, encoder=way, seed=seed,
            trained_parameters=SIZES[way], total_parameters=SIZES["full"], seconds=3600.0 * seed,
            peak_memory_bytes=seed * 10**9, probes=(probe.probe_id,),
            fingerprint=f"{name}-{dataset}-{way}-{seed}",
        )  # fmt: skip
