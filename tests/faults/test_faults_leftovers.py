"""What a killed import, export, audit, split, prediction or merge left half written goes with the next start.

A child kills itself before one of the changes of files that the command makes; the next is not disturbed, and
then there is what one alone leaves, also in the system's folder for temporary files.
"""

import os
import random
import re
import shlex
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from tests.data import write_split
from tests.faults.test_faults_kill import SEED
from tests.faults.warm import Ended, Moment, counted, seqbench

KILLS = 8
CONFIG = """
models: [{{kind: kmer, k: 2}}]
datasets: {{root: {data}}}
store: {{path: embeddings.zarr}}
catalog: catalog.duckdb
probe: {{heads: [knn], save_heads: heads}}
"""
COMMANDS = {
    "import": "datasets import fasta {world}/in.fa --label-key label --split 8/1/1 --force --out {here}/new",
    "export": "store export {world}/embeddings.zarr --format npy --force {here}/exported",
    "audit": "datasets audit {world}/data --no-controls --catalog {here}/audits.duckdb --out {here}/audited",
    "split": "datasets split {world}/data/gc --by cluster {here}/split",
    "predict": "probe predict {head} {world}/data/gc/test.jsonl --out {here}/predicted.tsv",
    "merge": "catalog merge {world}/catalog.duckdb --catalog {here}/merged.duckdb",
    "catalog": "catalog export --catalog {world}/catalog.duckdb {here}/tables",
}
MADE = {"audit": "audited", "split": "split", "catalog": "tables"}
"""The folders that a command does not replace."""
OWN = re.compile(r"\.seqbench-.*-(\d+)-[0-9a-f]{32}\.partial")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    for split, items in (("train", 40), ("eval", 20), ("test", 20)):
        write_split(folder / "data" / "gc", split, items=items)
    (folder / "run.yaml").write_text(CONFIG.format(data=folder / "data"))
    records = (f">{number}|label={number % 2}\n{'ACGT' * 5}{'AC' * number}\n" for number in range(40))
    (folder / "in.fa").write_text("".join(records))
    for command in ("extract", "probe"):
        ended = seqbench([command, folder / "run.yaml"])
        assert ended.code == 0, ended.out
    return folder


def names(folder: Path) -> set[str]:
    """What lies in a folder, but for the log of a commit that was killed, which DuckDB reads and removes."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    return {name for name in found if not name.endswith(".duckdb.wal")} - {"counted.json"}


def left_in_temporary_folder() -> list[str]:
    """Folders there of processes that are no more."""
    found = [(name, OWN.fullmatch(name)) for name in os.listdir(tempfile.gettempdir())]
    return [name for name, own in found if own and not Path("/proc", own[1]).exists()]


@pytest.mark.faults
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_half_written_is_there_after_the_next_start(
    world: Path, tmp_path: Path, command: str
) -> None:
    (head,) = (world / "heads").rglob("*.safetensors")

    def run(here: Path, at: Moment) -> Ended:
        text = COMMANDS[command].format(world=world, here=here, head=head)
        return seqbench(shlex.split(text), at)

    whole = tmp_path / "whole"
    whole.mkdir()
    alone = run(whole, Moment())
    assert alone.code == 0, alone.out
    changes = counted(whole)["changes"]
    chance = random.Random(f"{command} {SEED}")
    for number in sorted(chance.sample(range(1, changes + 1), min(KILLS, changes))):
        torn = tmp_path / f"torn-{number}"
        torn.mkdir()
        assert run(torn, Moment(change=number)).code == -signal.SIGKILL
        again = run(torn, Moment())
        if "is there already" in again.out:  # what was whole before the kill stays till the user moves it
            shutil.rmtree(torn / MADE[command])
            again = run(torn, Moment())
        assert again.code == 0, f"SEED={SEED} {number}: {again.out}"
        assert names(torn) == names(whole), f"SEED={SEED} {number}"
        assert left_in_temporary_folder() == []
        shutil.rmtree(torn)
