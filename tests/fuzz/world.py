"""A folder with one small valid thing of every kind that seqbench reads, to be copied and damaged."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.command import seqbench
from tests.data import write_split
from tests.tiny import save_adapter, save_tiny_model

CONFIG = """\
models:
  - {kind: kmer, k: 1}
datasets: {root: data, names: [d]}
probe: {heads: [linear], save_heads: heads}
"""
FLAT = """\
model_name: kmer-1
num_layers: 1
embedding_output_dir: pt
dataset_path: data
mlp_lr: 0.001
batch_size: 64
"""
INFO = """\
d:
  eval_task: classification
  seq_for_item: 1
  seq_key: seq
  label_key: label
  data_split: [train, test]
  dataset_ratio: [0.6, 0.4]
  label_train_counter: [(0, 3), (1, 3)]
  classifier_type: MLP
  min_length: 8
super_long_sequence_dataset: [d]
"""
GENOME = ">chr1\nACGTACGTACGTACGTACGTACGTA\n>chr2\nGGGGG\n"
TEXTS = {
    "my.yaml": CONFIG,
    "flat.yaml": FLAT,
    "info.yaml": INFO,
    "raw/genome.fa": GENOME,
    "raw/x.fa": ">a label=0\nACGT\n>b label=1\nGGT\nACC\n>c label=0\nAAA\n",
    "raw/x.csv": "seq,label,id\nACGT,0,a\nGGTC,1,b\nAAAA,0,c\n",
    "raw/x.bed": "chr1\t1\t9\ta\t0\t+\nchr1\t3\t12\tb\t1\t-\nchr2\t0\t4\tc\t0\t+\n",
    "raw/x.vcf": "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    "chr1\t3\t.\tG\tA\t.\t.\tLABEL=1\nchr1\t8\t.\tT\tC,G\t.\t.\tLABEL=0\n",
    "raw/new.jsonl": '{"seq": "ACGTACGT", "id": "a"}\n{"seq": "GGGGCCCC", "id": "b"}\n',
    "raw/new.fa": ">a\nACGTACGT\n>b some text\nGGGG\nCCCC\n",
}  # fmt: skip


def make_world(folder: Path) -> Path:
    """Fill a folder: texts, a data set, a store, a catalog, heads, exports of them, and a model's folder."""
    for name, text in TEXTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for split, items in (("train", 6), ("test", 4)):
        write_split(folder / "data" / "d", split, items=items)
    for stage in ("extract", "probe"):
        _do(stage, folder / "my.yaml")
    for form in ("npy", "parquet", "anndata", "pt"):
        _do("store", "export", folder / "embeddings.zarr", folder / form, "--format", form)
    _do("catalog", "export", folder / "export", "--catalog", folder / "catalog.duckdb")
    (head,) = (folder / "heads").rglob("*.safetensors")
    shutil.move(head, folder / "raw" / "head.safetensors")
    _write_claim(folder / "data" / "d")
    _write_table(folder / "raw" / "x.parquet")
    save_tiny_model("bert", folder / "model")
    save_adapter(folder / "model", "AutoModel", folder / "adapter", target_modules=["query"])
    _leave_log(folder / "catalog.duckdb", folder / "logged")
    _beat(folder / ".catalog.duckdb.running.json")
    return folder


def _do(*arguments: object) -> None:
    done = seqbench(*arguments)
    assert done.exit_code == 0, (done.output, done.exception)


def _write_table(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"seq": ["ACGT", "GGTC", "AAAA"], "label": [0, 1, 0], "id": list("abc")}), path)


def _leave_log(catalog: Path, folder: Path) -> None:
    """A catalog as a kill leaves it: with a log beside it of what is not yet in the file."""
    folder.mkdir()
    shutil.copy(catalog, folder)
    code = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute(\"SET checkpoint_threshold = '1GB'\"); c.execute(\"UPDATE runs SET host = 'there'\"); "
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder / catalog.name)], check=False)


def _write_claim(folder: Path) -> None:
    claim = {"format": 1, "ceiling": {"accuracy": 0.9}, "sha256": {"train": "a", "test": "b"}}
    (folder / "planted.json").write_text(json.dumps(claim), encoding="utf-8")


def _beat(path: Path) -> None:
    """What a run that goes on leaves for `seqbench status`."""
    import os
    import socket

    group = "probe kmer-1 d"
    beat = {
        "command": "run", "host": socket.gethostname(), "pid": os.getpid(), "began": 1.0, "written": 9.0,
        "done": {group: 1.0}, "total": {group: 2.0}, "running": [group],
        "workers": [{"name": "w", "running": [["probe", "kmer-1", "d"]], "used": 1, "power": 2}],
    }  # fmt: skip
    path.write_text(json.dumps(beat), encoding="utf-8")
