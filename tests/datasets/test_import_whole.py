"""What all imports share: splits and samples, whole folders or none, the info file, a run on the result."""

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqbench.datasets.importing import building
from seqbench.datasets.importing.splits import Drawer, fractions_of, sample_sizes, split_sizes
from tests.command import rows, seqbench
from tests.data import write_split
from tests.importing import do_import, items, manifest, refusal

COUNTS = st.dictionaries(st.integers(0, 50), st.integers(1, 200), min_size=1, max_size=30)


@given(COUNTS, st.integers(1, 300))
def test_samples_have_the_size_asked_for_and_miss_no_stratum(counts: dict, limit: int) -> None:
    kept = sample_sizes(counts, limit)
    assert sum(kept.values()) == min(limit, sum(counts.values()))
    assert all(0 <= kept[key] <= counts[key] for key in counts)
    if limit >= len(counts):
        assert all(kept.values())
        total, extra = sum(counts.values()) - len(counts), sum(kept.values()) - len(counts)
        assert all(abs(kept[key] - 1 - (counts[key] - 1) * extra / max(total, 1)) < 1 for key in counts)


@given(COUNTS, st.tuples(*[st.integers(1, 9)] * 3), st.booleans())
def test_splits_have_the_shares_asked_for(counts: dict, parts: tuple, all_in_train: bool) -> None:
    fractions = fractions_of("/".join(map(str, parts)))
    sizes = split_sizes(counts, fractions, all_in_train=all_in_train)
    assert all(sum(sizes[key]) == counts[key] and min(sizes[key]) >= 0 for key in counts)
    for key, places in sizes.items():
        assert all(abs(n - counts[key] * share) < 3 for n, share in zip(places, fractions, strict=True))
        assert places[0] >= all_in_train
    if not all_in_train:
        totals = [sum(places[k] for places in sizes.values()) for k in range(3)]
        whole = sum(counts.values())
        assert all(abs(n - whole * share) <= 2 for n, share in zip(totals, fractions, strict=True))


def test_every_choice_of_items_is_as_likely() -> None:
    drawn = Counter()
    for seed in range(6000):
        drawer = Drawer({0: 4}, {0: 4}, {0: [2, 0, 2]}, seed)
        drawn["".join(drawer.draw(0, None)[1] for _ in range(4))] += 1  # type: ignore[index]
    assert len(drawn) == 6
    # Chi-square of 6 cells, 5 degrees of freedom: over 20.5 once in a thousand.
    assert sum((count - 1000) ** 2 / 1000 for count in drawn.values()) < 20.5


def table(folder: Path, count: int = 200) -> Path:
    path = folder / "x.csv"
    lines = [
        f"s{n},{'ACGT'[n % 4]}{'ACGT'[n // 4 % 4]}{'A' * (n % 7)},{'abbbb'[n % 5]}" for n in range(count)
    ]
    path.write_text("id,seq,label\n" + "\n".join(lines) + "\n")
    return path


def test_the_same_seed_gives_the_same_bytes_and_another_others(tmp_path: Path) -> None:
    path = table(tmp_path)
    made = {}
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        options = ["--split", "0.7/0.2/0.1", "--max-items", 100, "--seed", seed]
        made[name] = do_import("table", path, *options, out=tmp_path / "o" / name)
    assert {split: len(each) for split, each in made["a"].items()} == {"train": 70, "eval": 20, "test": 10}
    assert {split: sum(item["label"] for item in each) for split, each in made["a"].items()} == {
        "train": 56, "eval": 16, "test": 8,
    }  # fmt: skip
    for file in ("train.jsonl", "eval.jsonl", "test.jsonl", "import.json"):
        assert (tmp_path / "o" / "a" / file).read_bytes() == (tmp_path / "o" / "b" / file).read_bytes()
    assert made["a"] != made["c"]
    ids = [item["id"] for each in made["c"].values() for item in each]
    assert len(set(ids)) == 100
    assert manifest(tmp_path / "o" / "c")["skipped"]["not drawn for --max-items"]["items"] == 100


def test_what_is_there_is_not_replaced_unless_an_import_made_it(tmp_path: Path) -> None:
    path, out = table(tmp_path), tmp_path / "o" / "d"
    do_import("table", path, "--split", "8/2", out=out)
    assert f"{out}: is there already" in refusal("table", path, "--split", "8/2", out=out)
    again = do_import("table", path, "--split", "6/4", "--force", out=out)
    assert {split: len(each) for split, each in again.items()} == {"train": 120, "test": 80}
    (out / "import.json").unlink()
    line = refusal("table", path, "--split", "8/2", "--force", out=out)
    assert line == f"{out}: is nothing that an import made, so --force does not replace it (move it away)"
    (tmp_path / "o" / "link").symlink_to(tmp_path)
    assert "is there already" in refusal("table", path, "--split", "8/2", out=tmp_path / "o" / "link")


@pytest.mark.parametrize("name", ["..", ".hidden", "a b", "-x", "x" * 200])
def test_names_that_are_no_data_set_s_are_refused(tmp_path: Path, name: str) -> None:
    line = refusal("table", table(tmp_path), "--split", "8/2", out=tmp_path / "o" / name)
    assert "can't be used" in line


def test_an_info_file_keeps_its_other_entries_and_a_broken_one_stops_the_import(tmp_path: Path) -> None:
    root = tmp_path / "o"
    root.mkdir()
    info = root / "datasets_info.yaml"
    info.write_text("# mine\nother:\n  eval_task: labels\n")
    do_import("table", table(tmp_path), "--split", "8/2", out=root / "d")
    assert info.read_text().startswith("# mine\nother:\n  eval_task: labels\nd:\n")
    info.write_text("d: [1\n")
    assert "datasets_info.yaml" in refusal("table", table(tmp_path), "--split", "8/2", out=root / "e")
    info.write_text("e:\n  eval_task: labels\n")
    assert "has another entry for e" in refusal("table", table(tmp_path), "--split", "8/2", out=root / "e")


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    path = table(tmp_path)
    (tmp_path / "file").write_text("")
    line = refusal("table", path, "--split", "8/2", out=tmp_path / "file" / "d")
    assert "can't be written: Not a directory" in line
    (tmp_path / "o").mkdir(mode=0o500)
    if os.geteuid():  # Root may write everywhere.
        assert "can't be written" in refusal("table", path, "--split", "8/2", out=tmp_path / "o" / "d")


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt(), RuntimeError("bug")]
)
def test_whatever_stops_an_import_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    written = building._Writer.write

    def failing(self: building._Writer, kept: object, split: object) -> None:
        written(self, kept, split)  # type: ignore[arg-type]
        if sum(self._items.values()) == 150:
            raise error

    monkeypatch.setattr(building._Writer, "write", failing)
    done = seqbench(
        "datasets", "import", "table", table(tmp_path), "--split", "8/2", "--out", tmp_path / "o" / "p" / "d"
    )
    if isinstance(error, OSError):
        assert done.exit_code == 2
        assert "can't be written: No space left on device" in done.stderr
    assert not (tmp_path / "o").exists()


def test_sources_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    path, out = table(tmp_path), tmp_path / "o" / "d"
    assert "no input file is given" in refusal("table", out=out)
    assert "give all files a split" in refusal("table", path, "--test", path, out=out)
    assert "is given twice" in refusal("table", "--train", path, "--test", path, out=out)
    assert "exclude each other" in refusal(
        "table", path, "--split", "1/1", "--test-chromosomes", "1", out=out
    )
    assert "must be different names" in refusal("table", path, "--split", "1/1", "--classes", "a,a", out=out)
    line = refusal("table", path, "--test-chromosomes", "1,2", "--eval-chromosomes", "chr1", out=out)
    assert line == "chr1 is among both --test-chromosomes and --eval-chromosomes"


def test_a_run_on_an_imported_data_set_gives_scores(tmp_path: Path) -> None:
    for split in ("train", "eval", "test"):
        write_split(tmp_path / "jsonl", split, items=80)
    records = [
        f">{split}{n} class={'rich' if item['label'] else 'poor'}\n{item['seq']}\n"
        for split, each in items(tmp_path / "jsonl").items()
        for n, item in enumerate(each)
    ]
    (tmp_path / "x.fa").write_text("".join(records))
    options = ["--label-key", "class", "--split", "0.6/0.2/0.2"]
    do_import("fasta", tmp_path / "x.fa", *options, out=tmp_path / "data" / "gc")
    config = tmp_path / "run.yaml"
    config.write_text(
        "models: [{kind: kmer, k: 1}]\ndatasets: {root: data, info: data/datasets_info.yaml}\n"
        "probe: {heads: [linear]}\n"
    )
    done = seqbench("run", config)
    assert done.exit_code == 0, done.output
    scores = rows(config, "SELECT accuracy FROM results WHERE split = 'test' AND dataset = 'gc'")
    assert scores[0]["accuracy"] > 0.9


def test_a_genome_s_own_windows_are_imported(shared: Path, tmp_path: Path) -> None:
    genome = shared / "data" / "genomes" / "ecoli_k12.fa.gz"
    for name, first in (("left", 0), ("right", 2_000_000)):
        lines = [f"NC_000913\t{start}\t{start + 50}\n" for start in range(first, first + 30_000, 1000)]
        (tmp_path / f"{name}.bed").write_text("".join(lines))
    options = [tmp_path / "left.bed", tmp_path / "right.bed", "--genome", genome, "--split", "8/1/1"]
    made = do_import("bed", *options, out=tmp_path / "o" / "d")
    text = "".join(gzip.decompress(genome.read_bytes()).decode().split("\n")[1:])
    assert sum(map(len, made.values())) == 60
    for item in (item for each in made.values() for item in each):
        assert item["seq"] == text[item["start"] : item["end"]]
        assert item["label"] == int(item["start"] >= 2_000_000)
