#!/usr/bin/env bash
# cell-eval 0.8.2: `discrimination_score` says that the worst score is 0. It is 1 - rank / n with ranks from 0, so the
# worst of n perturbations scores 1 / n: with two of them a prediction that takes each for the other still has .5.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 cell-eval==0.8.2 2>/dev/null
"$folder/venv/bin/python" - <<'PY' 2>/dev/null
from importlib.metadata import version

import anndata, numpy as np, pandas as pd
from cell_eval.metrics._anndata import discrimination_score
from cell_eval import PerturbationAnndataPair

names = ["control"] * 10 + ["A"] * 10 + ["B"] * 10
effects = {"control": [0, 0, 0], "A": [1, 0, 0], "B": [0, 1, 0]}

def cells(of):
    obs = pd.DataFrame({"target": pd.Categorical(names)}, index=[f"cell{i}" for i in range(30)])
    return anndata.AnnData(X=np.array([effects[of(name)] for name in names], dtype=np.float32), obs=obs)

swapped = {"control": "control", "A": "B", "B": "A"}
pair = PerturbationAnndataPair(cells(lambda name: name), cells(swapped.get), "target", "control")
scores = discrimination_score(pair, metric="l1", exclude_target_gene=False)
print(f"cell-eval {version('cell-eval')}: both perturbations taken for each other: {scores}")
assert "worst score is 0.0" in discrimination_score.__doc__
assert all(abs(score - 0.5) < 1e-9 for score in scores.values())
PY
