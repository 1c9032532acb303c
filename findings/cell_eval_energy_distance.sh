#!/usr/bin/env bash
# cell-eval 0.8.2: the metric `edistance` is no distance between predicted and real cells. It is Pearson's r over
# perturbations of two distances to the controls, so predictions that move every cell in the opposite direction, and
# are as far from the truth as can be, score a perfect 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 cell-eval==0.8.2 2>/dev/null
"$folder/venv/bin/python" - <<'PY' 2>/dev/null
from importlib.metadata import version

import anndata, numpy as np, pandas as pd
from cell_eval.metrics._anndata import edistance
from cell_eval import PerturbationAnndataPair

draw = np.random.default_rng(0)
names = ["control"] * 50 + ["A"] * 50 + ["B"] * 50 + ["C"] * 50
noise, shift = draw.normal(size=(200, 8)), np.repeat([0.0, 1.0, 2.0, 3.0], 50)[:, None]

def cells(sign):
    obs = pd.DataFrame({"target": pd.Categorical(names)}, index=[f"cell{i}" for i in range(200)])
    return anndata.AnnData(X=(noise + sign * shift).astype(np.float32), obs=obs)

def score(sign):
    return edistance(PerturbationAnndataPair(cells(1), cells(sign), "target", "control"))

right, wrong = score(1), score(-1)
print(f"cell-eval {version('cell-eval')}: edistance of the truth {right:.3f}, of predictions in the opposite direction {wrong:.3f}")
assert abs(right - 1) < 1e-6 and wrong > 0.99
PY
