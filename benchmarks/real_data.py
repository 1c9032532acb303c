"""All real data sets through extract, probe and report, beside the baselines measured outside seqbench.

    python benchmarks/real_data.py [--out FOLDER]

The baselines are those of the README beside the data: k-mer counts or one-hot → StandardScaler →
LogisticRegression or Ridge, strength picked on a fifth of train. Prints Markdown for docs/benchmarks.md.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from seqbench.catalog import open_catalog

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "shared"


@dataclass(frozen=True)
class Baseline:
    """A score that someone else's code got."""

    dataset: str
    model: str
    metric: str
    value: float
    note: str = ""


BASELINES = (
    Baseline("prom_core", "kmer-4", "accuracy", 0.777),
    Baseline("prom_core", "kmer-4", "roc_auc", 0.855),
    Baseline("prom_core", "onehot", "accuracy", 0.717),
    Baseline("uci_splice", "kmer-4", "accuracy", 0.673),
    Baseline("uci_splice", "onehot", "accuracy", 0.973),
    Baseline("species4_1kb", "kmer-4", "accuracy", 0.915),
    Baseline("ecoli_windows", "kmer-4", "roc_auc", 0.844),
    Baseline("ecoli_windows", "kmer-4", "accuracy", 0.602),
    Baseline("deephf", "kmer-4", "spearmanr", (0.60 + 0.52 + 0.51) / 3, "fitted on 20,000 of train there"),
    Baseline("deephf", "onehot", "spearmanr", (0.70 + 0.67 + 0.65) / 3, "fitted on 20,000 of train there"),
    Baseline("gb1_three_vs_rest", "kmer-1-2", "spearmanr", 0.752),
    Baseline("ecoli_protein_class", "kmer-1-2", "accuracy", 0.477),
    Baseline("ecoli_protein_class", "kmer-1-2", "mcc", 0.382),
    Baseline("ecoli_protein_multilabel", "kmer-1-2", "roc_auc", 0.804),
)

CHOSEN = """
SELECT dataset, model, metric, layer, test_score, test_low, test_high FROM best_layers WHERE head = 'linear'
"""
CURVES = """
SELECT dataset, model, metric, list(value ORDER BY layer) FROM layer_scores
WHERE split = 'test' AND head = 'linear' AND model IN ('dna-esm', 'dna-esm-untrained')
GROUP BY dataset, model, metric
"""
SHOWN = {
    "ecoli_windows": "roc_auc",
    "prom_core": "accuracy",
    "species4_1kb": "accuracy",
    "uci_splice": "accuracy",
    "deephf": "spearmanr",
}


def main() -> None:
    """Run what is missing, then print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("build/real_data"))
    out = parser.parse_args().out.absolute()
    if not SHARED.is_dir():
        sys.exit(f"skipped: {SHARED} with the real data sets is absent")
    places = {"store.path": "embeddings.zarr", "catalog": "catalog.duckdb", "report.out": "report"}
    overrides = [part for key, name in places.items() for part in ("--set", f"{key}={out / name}")]
    command = [sys.executable, "-c", "from seqbench.cli.main import main; main()", "run"]
    subprocess.run([*command, str(HERE / "real_data.yaml"), *overrides], check=True)
    catalog = open_catalog(out / "catalog.duckdb")
    print(
        "\n".join([*baseline_table(catalog.query(CHOSEN).rows), "", *curve_table(catalog.query(CURVES).rows)])
    )


def baseline_table(rows: list[tuple]) -> list[str]:
    """Our score beside the one measured elsewhere."""
    found = {(dataset, model, metric): scores for dataset, model, metric, _, *scores in rows}
    lines = [
        "| data set | model | metric | baseline | seqbench [95 % interval] | difference |",
        "|---|---|---|---|---|---|",
    ]
    for base in BASELINES:
        value, low, high = found[base.dataset, base.model, base.metric]
        note = f" ({base.note})" if base.note else ""
        lines.append(
            f"| {base.dataset} | {base.model} + linear | {base.metric} | {base.value:.3f}{note} "
            f"| {value:.3f} [{low:.3f}, {high:.3f}] | {value - base.value:+.3f} |"
        )
    return lines


def curve_table(rows: list[tuple]) -> list[str]:
    """Every layer of the trained model and of its untrained twin, on test."""
    found = {(dataset, model, metric): values for dataset, model, metric, values in rows}
    lines = ["| data set (metric on test) | trained, layers 0 … 6 | untrained |", "|---|---|---|"]
    for dataset, metric in SHOWN.items():
        cells = [
            " ".join(f"{value:.3f}" for value in found[dataset, model, metric])
            for model in ("dna-esm", "dna-esm-untrained")
        ]
        lines.append(f"| {dataset} ({metric}) | {cells[0]} | {cells[1]} |")
    return lines


if __name__ == "__main__":
    main()
