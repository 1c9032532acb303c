"""`seqbench datasets split`: nothing leaks, nothing is lost, the same seed gives the same bytes."""

import hashlib
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.audit.making import audited, changed, dna_items, random_dna, reverse_complement, write
from tests.command import seqbench
from tests.machine import REAL_PATH
from tests.machine import program as real_program
from tests.splitting.splits import one_file, read

SPLITS = ("train", "eval", "test")


def families(rng: np.random.Generator, count: int, size: int) -> list[dict[str, Any]]:
    """Families of near-duplicates, in any order, on either strand, a few of them copies."""
    items = []
    for number in range(count):
        start = random_dna(rng, 90)
        for member in range(int(rng.integers(1, size + 1))):
            sequence = changed(rng, start, int(rng.integers(0, 5)))
            sequence = reverse_complement(sequence) if member % 2 else sequence
            items.append({"seq": sequence, "label": number % 3, "family": number})
    return [items[place] for place in rng.permutation(len(items))]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_random_splits_have_equal_shares_of_each_class_and_lose_nothing(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    items = [{"seq": random_dna(rng, 40), "label": int(n % 5 == 0), "note": n} for n in range(400)]
    source = one_file(tmp_path / "in", items)
    shown = seqbench("datasets", "split", source, tmp_path / "out", "--fractions", "0.7,0.1,0.2")
    assert shown.exit_code == 0, shown.output
    found = read(tmp_path / "out")
    assert {name: len(made) for name, made in found.items()} == {"train": 280, "eval": 40, "test": 80}
    for name, made in found.items():
        assert sum(item["label"] for item in made) == len(made) / 5, name
        assert [item["note"] for item in made] == sorted(item["note"] for item in made)
    everything = [item for made in found.values() for item in made]
    assert sorted(item["note"] for item in everything) == list(range(400))
    lines = set(source.read_text(encoding="utf-8").splitlines())
    assert lines == {json.dumps(item) for item in everything}


@pytest.mark.parametrize("by", ["random", "cluster", "group:family"])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, rng: np.random.Generator, by: str) -> None:
    source = one_file(tmp_path / "in", families(rng, 40, 4))
    digests = []
    for number, seed in enumerate((1, 1, 2)):
        out = tmp_path / f"out{number}"
        seqbench("datasets", "split", source, out, "--by", by, "--seed", seed, "--clusterer", "builtin")
        files = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
        digests.append(files)
    assert digests[0] == digests[1]
    assert digests[0]["train.jsonl"] != digests[2]["train.jsonl"]


def test_the_manifest_has_hashes_counts_and_settings(tmp_path: Path, rng: np.random.Generator) -> None:
    source = one_file(tmp_path / "in", dna_items(rng, 50))
    seqbench("datasets", "split", source, tmp_path / "out", "--seed", 3)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["input"] == [
        {"file": "all.jsonl", "sha256": hashlib.sha256(source.read_bytes()).hexdigest(), "items": 50}
    ]
    assert manifest["settings"]["seed"] == 3
    for name, made in read(tmp_path / "out").items():
        facts = manifest["splits"][name]
        content = (tmp_path / "out" / f"{name}.jsonl").read_bytes()
        assert facts["sha256"] == hashlib.sha256(content).hexdigest()
        assert facts["items"] == len(made)
        assert facts["labels"] == {str(c): sum(i["label"] == c for i in made) for c in (0, 1)}
    assert "seqbench" in manifest["made_by"]
    assert manifest["stay_together"] == {"groups": 50, "largest": 1}


def test_a_random_split_keeps_copies_together(tmp_path: Path, rng: np.random.Generator) -> None:
    items = dna_items(rng, 100)
    items += [{"seq": reverse_complement(item["seq"]) if n % 2 else item["seq"], "label": 0}
              for n, item in enumerate(items[:60])]  # fmt: skip
    seqbench("datasets", "split", one_file(tmp_path / "in", items), tmp_path / "out")
    marks = audited(tmp_path / "out", near=1.0).marks
    assert all(marks[name].leaked_N.sum() == 0 for name in ("eval", "test"))
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["stay_together"]["groups"] == 100


@pytest.mark.parametrize("folds", [None, 4])
def test_an_audit_of_a_cluster_split_finds_no_near_duplicates(
    tmp_path: Path, rng: np.random.Generator, folds: int | None
) -> None:
    items = families(rng, 70, 6)
    source = one_file(tmp_path / "in", items)
    more = () if folds is None else ("--folds", folds)
    shown = seqbench(
        "datasets", "split", source, tmp_path / "out", "--by", "cluster", "--clusterer", "builtin", *more
    )
    assert shown.exit_code == 0, shown.output
    random = seqbench("datasets", "split", source, tmp_path / "random")
    assert random.exit_code == 0
    assert audited(tmp_path / "random").marks["test"].leaked_N.any()
    places = [tmp_path / "out"] if folds is None else [tmp_path / "out" / f"fold{n}" for n in range(folds)]
    for place in places:
        assert not any(mark.leaked_N.any() for mark in audited(place).marks.values())
        found = read(place)
        assert sum(map(len, found.values())) == len(items)
        for name, share in (("train", 0.8), ("test", 0.1)) if folds is None else (("test", 0.25),):
            assert len(found[name]) == pytest.approx(share * len(items), abs=7)


def test_in_folds_every_item_is_test_once(tmp_path: Path, rng: np.random.Generator) -> None:
    items = [{**item, "id": n} for n, item in enumerate(dna_items(rng, 53))]
    seqbench("datasets", "split", one_file(tmp_path / "in", items), tmp_path / "out", "--folds", 5)
    folds = [read(tmp_path / "out" / f"fold{number}") for number in range(5)]
    assert sorted(item["id"] for fold in folds for item in fold["test"]) == list(range(53))
    for fold in folds:
        assert sorted(item["id"] for split in fold.values() for item in split) == list(range(53))
        assert len(fold["eval"]) == pytest.approx(53 * 0.8 / 9, abs=1.5)


def test_a_chromosome_is_in_one_split_only(tmp_path: Path, rng: np.random.Generator) -> None:
    items = [
        {**item, "chrom": f"chr{1 + n % 11}", "start": n * 60, "end": n * 60 + 60}
        for n, item in enumerate(dna_items(rng, 330))
    ]
    source = one_file(tmp_path / "in", items)
    seqbench("datasets", "split", source, tmp_path / "out", "--by", "chromosome")
    found = read(tmp_path / "out")
    where = {name: {item["chrom"] for item in made} for name, made in found.items()}
    assert sum(map(len, where.values())) == 11
    assert {name: len(made) for name, made in found.items()} == {"train": 270, "eval": 30, "test": 30}
    seqbench(
        "datasets", "split", source, tmp_path / "named", "--by", "chromosome", "--test-groups", "chr8,chr9"
    )
    assert {item["chrom"] for item in read(tmp_path / "named")["test"]} == {"chr8", "chr9"}


def test_copies_in_other_groups_are_told(tmp_path: Path, rng: np.random.Generator) -> None:
    items = [{**item, "chrom": n % 5} for n, item in enumerate(dna_items(rng, 50))]
    items[1]["seq"] = items[0]["seq"]
    shown = seqbench(
        "datasets", "split", one_file(tmp_path / "in", items), tmp_path / "out", "--by", "chromosome"
    )
    assert "2 items have copies in other groups" in shown.stderr


@pytest.mark.parametrize("kind", ["labels", "regression"])
def test_labels_and_targets_are_stratified(tmp_path: Path, rng: np.random.Generator, kind: str) -> None:
    values = rng.normal(size=500)
    items = [
        {"seq": random_dna(rng, 40), "label": [int(v > 1.6), int(v > 0)] if kind == "labels" else [float(v)]}
        for v in values
    ]
    items += [dict(item) for item in items[:60]]  # Copies, so that groups are shared out.
    seqbench("datasets", "split", one_file(tmp_path / "in", items), tmp_path / "out")
    found = {
        name: np.array([item["label"] for item in made]) for name, made in read(tmp_path / "out").items()
    }
    whole = np.array([item["label"] for item in items])
    for name, share in zip(("train", "eval", "test"), (0.8, 0.1, 0.1), strict=True):
        assert len(found[name]) == pytest.approx(share * 560, abs=2)
        limit = 0.02 if kind == "labels" else 0.2
        np.testing.assert_allclose(found[name].mean(axis=0), whole.mean(axis=0), atol=limit)


def test_every_class_is_in_train(tmp_path: Path, rng: np.random.Generator) -> None:
    items = [{"seq": random_dna(rng, 40), "label": 2 if n == 7 else n % 2} for n in range(40)]
    for seed in range(6):
        out = tmp_path / f"out{seed}"
        seqbench("datasets", "split", one_file(tmp_path / f"in{seed}", items), out, "--seed", seed)
        assert {item["label"] for item in read(out)["train"]} == {0, 1, 2}


def test_the_splits_of_a_folder_are_pooled(tmp_path: Path, rng: np.random.Generator) -> None:
    items = dna_items(rng, 60)
    items[50]["label"] = 5
    source = write(tmp_path / "in", {"train": items[:40], "test": items[40:]})
    shown = seqbench("datasets", "split", source, tmp_path / "out")
    assert shown.exit_code == 0, shown.output
    found = [json.dumps(item) for made in read(tmp_path / "out").values() for item in made]
    assert Counter(found) == Counter(map(json.dumps, items))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--by", "colour"], "--by: must be random, cluster, chromosome or group:KEY, got 'colour'"),
        (["--fractions", "0.5,0.1,0.1"], "--fractions: must be three shares that add up to 1"),
        (["--fractions", "a,b"], "--fractions: must be three numbers like 0.8,0.1,0.1, got 'a,b'"),
        (["--folds", "1"], "--folds: must be from 2 to 100, got 1"),
        (["--by", "chromosome"], "all.jsonl:1: 'chrom': no such key (--by)"),
        (["--by", "group:place", "--test-groups", "z"], "--test-groups: there is no group 'z'; there are a"),
        (["--by", "group:place"], "1 groups of items that stay together are too few"),
        (["--test-groups", "a"], "--test-groups goes with groups"),
        (["--clusterer", "mmseqs", "--by", "cluster"], "--clusterer: mmseqs is not on the PATH"),
        (["--label-key", "class"], "all.jsonl:1: no key 'class'"),
    ],
)
def test_a_fault_is_one_line_and_leaves_nothing(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, options: list[str], says: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = one_file(tmp_path / "in", [{**item, "place": "a"} for item in dna_items(rng, 20)])
    shown = seqbench("datasets", "split", source, tmp_path / "out", *options)
    assert shown.exit_code == 2
    assert says in shown.stderr.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_what_is_there_is_not_overwritten(tmp_path: Path, rng: np.random.Generator) -> None:
    source = one_file(tmp_path / "in", dna_items(rng, 20))
    (tmp_path / "out").mkdir()
    assert seqbench("datasets", "split", source, tmp_path / "out").exit_code == 0
    before = (tmp_path / "out" / "train.jsonl").read_bytes()
    again = seqbench("datasets", "split", source, tmp_path / "out", "--seed", 1)
    assert again.exit_code == 2
    assert "out: is there already (choose another folder, or remove it)" in again.stderr
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == before


MMSEQS = (
    f"#!{sys.executable}\n"
    + """
import sys
if sys.argv[1] == "version":
    print("17-b804f"); sys.exit()
assert sys.argv[1] == "easy-cluster" and sys.argv[sys.argv.index("--min-seq-id") + 1] == "0.9"
lines = open(sys.argv[2]).read().split()
first = {}
with open(sys.argv[3] + "_cluster.tsv", "w") as out:
    for header, sequence in zip(lines[::2], lines[1::2]):
        number = header[1:]
        print(first.setdefault(sequence[:10], number), number, sep="\\t", file=out)
"""
)
CD_HIT = (
    f"#!{sys.executable}\n"
    + """
import sys
if sys.argv[1] == "-h":
    print("====== CD-HIT version 4.8.1 ======"); sys.exit(1)
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert (arguments["-n"], arguments["-c"], arguments["-r"]) == ("8", "0.9", "1")
lines = open(arguments["-i"]).read().split()
groups = {}
for header, sequence in zip(lines[::2], lines[1::2]):
    groups.setdefault(sequence[:10], []).append(header)
with open(arguments["-o"] + ".clstr", "w") as out:
    for number, members in enumerate(groups.values()):
        print(">Cluster", number, file=out)
        for place, header in enumerate(members):
            print(f"{place}\\t60nt, {header}... " + ("*" if not place else "at +/98.0%"), file=out)
"""
)
BROKEN = "#!/bin/sh\n[ $1 = version ] && exit 0\necho first >&2\necho 'out of luck' >&2\nexit 7\n"


def program(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [("mmseqs", MMSEQS, "mmseqs 17-b804f"), ("cd-hit-est", CD_HIT, "cd-hit-est CD-HIT version 4.8.1")],
)
def test_an_installed_program_clusters(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, name: str, text: str, told: str
) -> None:
    program(tmp_path / "bin", name, text, monkeypatch)
    starts = [random_dna(rng, 10) for _ in range(25)]
    items = [{"seq": starts[n % 25] + random_dna(rng, 50), "label": n % 2} for n in range(100)]
    if name == "mmseqs":
        items[0]["seq"] = starts[0] + ">>evil\n" + random_dna(rng, 40)
    shown = seqbench(
        "datasets", "split", one_file(tmp_path / "in", items), tmp_path / "out", "--by", "cluster"
    )
    assert shown.exit_code == 0, shown.output
    where = {name: {item["seq"][:10] for item in made} for name, made in read(tmp_path / "out").items()}
    assert sum(map(len, where.values())) == 25
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["clusterer"] == told
    assert manifest["stay_together"] == {"groups": 25, "largest": 4}


def test_a_program_that_fails_is_told_by_its_last_line(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "mmseqs", BROKEN, monkeypatch)
    source = one_file(tmp_path / "in", dna_items(rng, 20))
    options = ["datasets", "split", source, tmp_path / "out", "--by", "cluster"]
    shown = seqbench(*options, "--clusterer", "mmseqs")
    assert shown.exit_code == 2
    assert "mmseqs ended with 7: out of luck (or take --clusterer builtin)" in shown.stderr
    assert not (tmp_path / "out").exists()
    chosen = seqbench(*options)
    assert chosen.exit_code == 0
    told = "mmseqs ended with 7: out of luck: clustered by the built-in instead (--clusterer mmseqs insists)"
    assert told in chosen.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["clusterer"], manifest["notes"]) == ("builtin", [told])


REAL = {"mmseqs": ("mmseqs",), "cd-hit": ("cd-hit", "cd-hit-est")}


def real_programs(clusterer: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the programs of this machine on the PATH, and nothing else; skips where they are not there."""
    folder.mkdir()
    for name in REAL[clusterer]:
        if (path := real_program(name)) is None:
            pytest.skip(f"{name} is not installed (apt-get install mmseqs2 cd-hit)")
        (folder / name).write_text(f'#!/bin/sh\nPATH={REAL_PATH} exec {path} "$@"\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def twins(rng: np.random.Generator, letters: str, length: int, count: int) -> list[dict[str, Any]]:
    """Random sequences, each twice, the second time without its last letter but one."""
    items = []
    for number in range(count):
        text = "".join(rng.choice(list(letters), length))
        items += [{"seq": text, "label": number % 2}, {"seq": text[:-2] + text[-1], "label": number % 2}]
    return items


def split_by(clusterer: str, source: Path, out: Path) -> tuple[str, dict[str, int]]:
    """Split; who clustered, and what stays together."""
    options = ["--by", "cluster", "--clusterer", clusterer, "--fractions", "0.5,0,0.5"]
    shown = seqbench("datasets", "split", source, out, *options)
    assert shown.exit_code == 0, shown.output
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return manifest["clusterer"], manifest["stay_together"]


@pytest.mark.parametrize("clusterer", list(REAL))
def test_the_real_programs_find_the_families_that_the_built_in_finds(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, clusterer: str
) -> None:
    real_programs(clusterer, tmp_path / "bin", monkeypatch)
    for name, letters in (("dna", "ACGT"), ("proteins", RESIDUES)):
        source = one_file(tmp_path / name, twins(rng, letters, 60, 12))
        by_program, found = split_by(clusterer, source, tmp_path / f"{name}-{clusterer}")
        assert by_program.startswith(clusterer)
        assert found == split_by("builtin", source, tmp_path / f"{name}-builtin")[1]
        assert found == {"groups": 12, "largest": 2}


@pytest.mark.parametrize("clusterer", list(REAL))
def test_the_real_programs_get_no_sequences_that_are_too_short_for_them(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, clusterer: str
) -> None:
    real_programs(clusterer, tmp_path / "bin", monkeypatch)
    shortest = {"mmseqs": (14, 23), "cd-hit": (11, 11)}[clusterer]
    for name, letters, length in (("protein", RESIDUES, shortest[0]), ("dna", "ACGT", shortest[1])):
        items = twins(rng, letters, length, 30)[::2]
        source = one_file(tmp_path / f"{name}-fit", items)
        assert split_by("auto", source, tmp_path / f"{name}-auto")[0].startswith(clusterer)
        for item in items:
            item["seq"] = item["seq"][:-1]
        source = one_file(tmp_path / f"{name}-short", items)
        assert split_by("auto", source, tmp_path / f"{name}-too-short")[0] == "builtin"


def test_peptides_are_clustered_by_the_built_in_where_a_program_would_fail(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "mmseqs", BROKEN, monkeypatch)
    peptides = [{"seq": "".join(rng.choice(list(RESIDUES), 9)), "label": n % 2} for n in range(40)]
    source = one_file(tmp_path / "in", peptides)
    shown = seqbench("datasets", "split", source, tmp_path / "out", "--by", "cluster")
    assert shown.exit_code == 0, shown.output
    assert "mmseqs compares sequences from 14 residues, and 40 are shorter: clustered by the" in shown.stderr
    insisted = seqbench(
        "datasets", "split", source, tmp_path / "new", "--by", "cluster", "--clusterer", "mmseqs"
    )
    assert insisted.exit_code == 2
    assert "out of luck; mmseqs compares sequences from 14 residues, and 40 are shorter" in insisted.stderr
