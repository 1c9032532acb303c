"""Makes `run_0c7acf5.tar.xz`: a small run by that commit, before the stages were plug-ins.

    git worktree add --detach /tmp/before 0c7acf5
    PYTHONPATH=/tmp/before python -P /path/to/tests/old/make.py /tmp/run tests/old/run_0c7acf5.tar.xz

with the packages of constraints.txt. It is made once and stays as it is: later code would prove nothing.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

CONFIG = """
models:
  - {path: tiny, name: tiny, dtype: float32}
  - {kind: onehot}
  - {kind: kmer, k: 2}
datasets: {root: data, info: data/datasets_info.yaml}
extract: {tokens_per_batch: 4096, layers: [1, 2]}
store: {path: embeddings.zarr}
probe:
  heads: [mlp, linear, xgb, forest, knn]
  seeds: [1]
  mlp: {epochs: 3, hidden: [8]}
  xgb: {n_estimators: 4, max_depth: 2}
  forest: {n_estimators: 3}
  knn: {k: 5}
catalog: catalog.duckdb
report: {out: report, table_formats: [tsv], figure_formats: []}
"""
SHAPE = {
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 64,
}
CHANGED = (
    "probe.heads=[mlp,linear,xgb,knn]",
    "probe.class_weights=balanced",
    "probe.choose_epoch=last",
    "probe.mlp.lr=[0.01,0.001]",
    "probe.mlp.focal_alpha=0.25",
    "probe.mlp.class_loss=focal",
    "probe.linear.strengths=[0.1,1]",
    "probe.xgb.eval_metric=mae",
    "probe.xgb.patience=2",
    "probe.xgb.multi_output=true",
    "probe.knn.k=[1,3]",
    "datasets.names=[planted_composition]",
)
"""Of a second run into the same catalog: as many settings of heads as go together are not the default."""


def main() -> None:
    """Write data, model and config into the first argument, run it, and pack it into the second."""
    sys.path.append(str(Path(__file__).parents[2]))
    from seqbench.datasets.planted.rules import Sizes
    from seqbench.datasets.planted.write import make_planted
    from tests import tiny

    folder, archive = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
    sizes = Sizes(train=100, eval=100, test=100, min_length=60, max_length=60)
    make_planted(folder / "data", ["planted_motif", "planted_composition"], seed=0, sizes=sizes)
    tiny.FAMILIES["bert"] = ("BertConfig", SHAPE)
    tiny.save_tiny_model("bert", folder / "tiny")
    (folder / "run.yaml").write_text(CONFIG)
    command = [sys.executable, "-P", "-c", "from seqbench.cli.main import main; main()"]
    changed = [part for setting in CHANGED for part in ("--set", setting)]
    for arguments in (["run", "run.yaml"], ["probe", "run.yaml", *changed]):
        subprocess.run([*command, *arguments], cwd=folder, check=True)
    with tarfile.open(archive, "w:xz") as packed:
        for name in ("data", "tiny", "run.yaml", "embeddings.zarr", "catalog.duckdb"):
            packed.add(folder / name, name, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main()
