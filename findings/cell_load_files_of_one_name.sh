#!/usr/bin/env bash
# cell-load 0.10.4: of files that a pattern in [datasets] finds, those of the same name in different folders replace each
# other. With one folder a cell line, each with its cells.h5ad, only the last folder is loaded. Nothing is said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cell-load==0.10.4 torch==2.13.0 anndata==0.12.19 2>/dev/null
FOLDER=$folder "$folder/venv/bin/python" - <<'PY' 2>/dev/null
import os
from pathlib import Path

import anndata, numpy as np, pandas as pd, scipy.sparse
from cell_load.data_modules import PerturbationDataModule

folder = Path(os.environ["FOLDER"])


def write_cells(path, contexts, perturbations=("non-targeting", "STAT1", "JAK2", "IRF1"), **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    pairs = [(context, each) for context in contexts for each in perturbations for _ in range(20)]
    columns = {"cell_type": [a for a, _ in pairs], "gene": [b for _, b in pairs], "gem_group": ["1"] * len(pairs)}
    columns |= {name: [label(b) for _, b in pairs] for name, label in more.items()}
    obs = pd.DataFrame({name: pd.Categorical(values) for name, values in columns.items()}, index=map(str, range(len(pairs))))
    counts = np.random.default_rng(0).poisson(1.0, (len(pairs), 30)).astype("float32")
    var = pd.DataFrame(index=[f"gene{i}" for i in range(30)])
    anndata.AnnData(scipy.sparse.csr_matrix(counts), obs=obs, var=var).write_h5ad(path)


def load(text, **options):
    (folder / "split.toml").write_text(text)
    module = PerturbationDataModule(str(folder / "split.toml"), num_workers=0, batch_size=2, cell_sentence_len=4, **options)
    module.setup()
    return module


def count(subsets):
    found = {}
    for subset in subsets:
        for i in subset.indices:
            pair = str(subset.dataset.get_cell_type(i)), str(subset.dataset.get_perturbation_name(i))
            found[pair] = found.get(pair, 0) + 1
    return found


for line in ("hepg2", "jurkat", "k562"):
    write_cells(folder / line / "cells.h5ad", [line])
module = load(f"""[datasets]
screen = "{folder}/*/cells.h5ad"
[training]
screen = "train"
""")
lines = sorted({context for context, _ in count(module.train_datasets)})
print(f"three files of 80 cells, one a cell line; loaded: {sum(count(module.train_datasets).values())} cells of {', '.join(lines)}")
assert lines == ["k562"] and sum(count(module.train_datasets).values()) == 80
PY
