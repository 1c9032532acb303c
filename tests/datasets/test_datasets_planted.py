import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.planted.composition import gc_and_cpg
from seqbench.datasets.planted.draws import PlantedDraws
from seqbench.datasets.planted.motifs import MOTIFS
from seqbench.datasets.planted.rules import Sizes
from seqbench.datasets.planted.sequences import texts
from seqbench.datasets.planted.splice import ACCEPTOR, DONOR, decoy
from seqbench.datasets.planted.write import DEFAULT_SIZES, RULES, make_planted
from seqbench.datasets.registry import resolve
from seqbench.errors import DataError

DOC = (Path(__file__).parents[2] / "docs" / "planted.md").read_text()
IUPAC = {"R": "[AG]", "Y": "[CT]", "S": "[CG]", "W": "[AT]", "N": "."}
SMALL = Sizes(train=150, eval=100, test=120)


def pattern(motif):
    return re.compile("".join(IUPAC.get(letter, letter) for letter in motif.pattern))


def make(name, items=2000, seed=0):
    return RULES[name].make(PlantedDraws(seed, name, "test"), items, DEFAULT_SIZES)


def has(motif, sequences):
    return np.array([bool(pattern(motif).search(text)) for text in sequences])


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    root = tmp_path_factory.mktemp("planted")
    make_planted(root)
    return root


@pytest.fixture
def opened(planted):
    resolved = resolve(planted, planted / "datasets_info.yaml", None)
    assert resolved.warnings == ()
    return {spec.name: open_dataset(spec) for spec in resolved.specs}


def test_all_open_without_warning_and_show_their_ceiling(opened):
    assert set(opened) == set(RULES)
    for name, dataset in opened.items():
        assert dataset.warnings == ()
        assert (dataset.task, dataset.alphabet) == (RULES[name].task, "dna")
        assert dataset.ceiling
        assert [len(split) for split in dataset.splits.values()] == [2000, 400, 500]


def test_the_bytes_are_the_same_as_ever(planted):
    # Golden: change it only together with the ceilings in docs/planted.md.
    digest = hashlib.sha256()
    for path in sorted(planted.glob("*/*.jsonl")):
        digest.update(path.read_bytes())
    assert digest.hexdigest() == "e36ec871db28e382905ef9d30b04cc87c6a1e212c23746ad449e60f3bb9543a3"


def test_another_seed_gives_other_sequences_and_nearly_the_same_ceiling(tmp_path, opened):
    make_planted(tmp_path, ["planted_motif", "planted_splice"], seed=1)
    for spec in resolve(tmp_path, None, None).specs:
        again = open_dataset(spec)
        assert again.sha256 != opened[spec.name].sha256
        assert again.ceiling["accuracy"] == pytest.approx(opened[spec.name].ceiling["accuracy"], abs=0.04)


def test_the_ceilings_in_the_docs_are_those_of_seed_0(opened):
    shown = {}
    for header, rows in re.findall(r"\| name \| (accuracy.*|mse.*) \|\n\|[-|]+\n((?:\| `.*\n)+)", DOC):
        for name, values in re.findall(r"\| `(\w+)` \| (.*) \|", rows):
            shown[name] = dict(zip(header.split(" | "), map(float, values.split(" | ")), strict=True))
    assert shown == {
        name: {metric: round(value, 3) for metric, value in dataset.ceiling.items()}
        for name, dataset in opened.items()
    }


def test_every_rule_and_motif_is_in_the_docs():
    assert all(f"`{name}`" in DOC for name in RULES)
    assert all(f"`{motif.pattern}`" in DOC for motif in MOTIFS)


def test_motif_labels_are_the_rule_with_exactly_one_in_twenty_flipped():
    made = make("planted_motif")
    truth = has(MOTIFS[0], texts(made.sequences[0]))
    assert truth.sum() == 1000
    for value in (0, 1):
        assert (made.labels != truth)[truth == value].sum() == 50
    np.testing.assert_array_equal(made.best[:, 1], np.where(truth, 0.95, 0.05))


def test_four_motifs_are_labelled_each_by_its_own_rule():
    made = make("planted_motifs4")
    truth = np.stack([has(motif, texts(made.sequences[0])) for motif in MOTIFS], axis=1)
    np.testing.assert_array_equal(made.best > 0.5, truth)
    assert np.abs(truth.mean(axis=0) - 0.4).max() < 0.04
    assert np.abs((made.labels != truth).mean(axis=0) - 0.05).max() < 0.001


def test_a_variant_is_one_letter_and_its_label_says_whether_the_motif_is_lost():
    made = make("planted_variant")
    reference, alternate = map(texts, made.sequences)
    changed = [
        sum(a != b for a, b in zip(*pair, strict=True)) for pair in zip(reference, alternate, strict=True)
    ]
    assert set(changed) == {1}
    assert has(MOTIFS[0], reference).all()
    lost = ~has(MOTIFS[0], alternate)
    np.testing.assert_array_equal(made.best[:, 1] > 0.5, lost)
    assert (made.labels != lost).mean() == pytest.approx(0.05, abs=0.001)
    assert abs(lost.mean() - 0.5) < 0.02


def test_motifs_are_their_own_reverse_complement():
    turn = str.maketrans("ACGTRYSWN", "TGCAYRSWN")
    assert all(motif.pattern.translate(turn)[::-1] == motif.pattern for motif in MOTIFS)


@pytest.mark.parametrize("name", ["planted_motif", "planted_motifs4"])
def test_letter_composition_says_nothing_about_the_label(name):
    made = make(name, 4000)
    share = np.array([[text.count(x) / len(text) for x in "ACGT"] for text in texts(made.sequences[0])])
    for truth in (made.best.reshape(len(share), -1) > 0.5).T:
        for column in share.T:
            assert abs(metrics.roc_auc_score(truth, column) - 0.5) < 0.05


def test_composition_targets_are_gc_and_cpg_counted_by_hand_plus_noise():
    made = make("planted_composition", 4000)
    for text, row in list(zip(texts(made.sequences[0]), made.best, strict=True))[:200]:
        c, g = text.count("C"), text.count("G")
        assert row == pytest.approx([(c + g) / len(text), text.count("CG") * len(text) / (c * g)])
    noise = made.labels - made.best
    np.testing.assert_allclose(noise.std(axis=0), [0.03, 0.2], rtol=0.05)
    assert np.abs(noise.mean(axis=0) / [0.03, 0.2]).max() < 0.06


def test_the_cpg_ratio_of_a_sequence_without_c_is_0():
    assert gc_and_cpg(np.array([[0, 2, 2, 3]], dtype=np.uint8)).tolist() == [[0.5, 0.0]]


def likelihood(text, label):
    """The probability of a splice sequence given its class, over the background's, place by place."""

    def ratio(weights, start):
        return np.prod([4 * row["ACGT".index(text[start + i])] for i, row in enumerate(weights)])

    centre = len(text) // 2
    left = np.mean([ratio(DONOR, start) for start in range(centre - 14 - 9 + 1)])
    right = np.mean([ratio(ACCEPTOR, start) for start in range(centre + 6, len(text) - 15 + 1)])
    if label == 0:
        return ratio(DONOR, centre - 3) * right
    if label == 1:
        return ratio(ACCEPTOR, centre - 14) * left
    return (ratio(decoy(DONOR), centre - 3) + ratio(decoy(ACCEPTOR), centre - 14)) / 2 * left * right


def test_splice_probabilities_are_bayes_rule_place_by_place():
    made = make("planted_splice", 60)
    for text, best in zip(texts(made.sequences[0]), made.best, strict=True):
        parts = np.array([likelihood(text, label) for label in range(3)])
        np.testing.assert_allclose(best, parts / parts.sum(), rtol=1e-9)


def test_splice_probabilities_are_calibrated():
    made = make("planted_splice", 6000)
    for label in range(3):
        bins = np.digitize(made.best[:, label], [0.05, 0.35, 0.65, 0.95])
        for part in range(5):
            rows = bins == part
            spread = 4 * np.sqrt(0.25 / rows.sum())
            assert abs((made.labels[rows] == label).mean() - made.best[rows, label].mean()) < spread


def test_splice_matrices_and_decoys_are_distributions():
    for weights in (DONOR, ACCEPTOR, decoy(DONOR), decoy(ACCEPTOR)):
        np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_each_splice_sequence_has_gt_or_ag_at_the_centre():
    made = make("planted_splice")
    marks = {text[75:77] == "GT" or text[73:75] == "AG" for text in texts(made.sequences[0])}
    assert marks == {True}


def test_ceilings_are_what_scikit_learn_says(opened):
    made = RULES["planted_splice"].make(PlantedDraws(0, "planted_splice", "test"), 500, DEFAULT_SIZES)
    ceiling = opened["planted_splice"].ceiling
    assert opened["planted_splice"].splits["test"].labels.tolist() == made.labels.tolist()
    predicted = made.best.argmax(axis=1)
    report = metrics.classification_report(made.labels, predicted, output_dict=True)
    assert ceiling["accuracy"] == pytest.approx(report["accuracy"], abs=1e-6)
    assert ceiling["f1"] == pytest.approx(report["macro avg"]["f1-score"], abs=1e-6)
    area = metrics.roc_auc_score(made.labels, made.best, multi_class="ovr", average="macro")
    assert ceiling["roc_auc"] == pytest.approx(area, abs=1e-6)


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_making_again_what_is_there_changes_nothing(tmp_path):
    make_planted(tmp_path, ["planted_motif"], sizes=SMALL)
    before = contents(tmp_path)
    assert make_planted(tmp_path, ["planted_motif"], sizes=SMALL) == [tmp_path / "planted_motif"]
    assert contents(tmp_path) == before


def test_files_that_differ_are_only_overwritten_by_force(tmp_path):
    make_planted(tmp_path, ["planted_motif"], sizes=SMALL)
    with pytest.raises(DataError, match=r"train\.jsonl: is there already and differs"):
        make_planted(tmp_path, ["planted_motif"], seed=1, sizes=SMALL)
    make_planted(tmp_path, ["planted_motif"], seed=1, sizes=SMALL, force=True)
    assert json.loads((tmp_path / "planted_motif" / "planted.json").read_text())["seed"] == 1


def test_an_interrupted_making_is_completed(tmp_path):
    make_planted(tmp_path, ["planted_motif"], sizes=SMALL)
    before = contents(tmp_path)
    (tmp_path / "planted_motif" / "planted.json").unlink()
    (tmp_path / "planted_motif" / "test.jsonl").unlink()
    make_planted(tmp_path, ["planted_motif"], sizes=SMALL)
    assert contents(tmp_path) == before


def test_the_users_own_entries_and_comments_stay(tmp_path):
    info = tmp_path / "datasets_info.yaml"
    info.write_text("# mine\nH3: {label_key: y}\n")
    make_planted(tmp_path, ["planted_motif"], sizes=SMALL)
    make_planted(tmp_path, ["planted_splice"], sizes=SMALL)
    assert info.read_text().startswith("# mine\nH3: {label_key: y}\nplanted_motif:\n")
    assert "planted_splice:" in info.read_text()


def test_another_entry_of_the_same_name_is_only_replaced_by_force(tmp_path):
    (tmp_path / "datasets_info.yaml").write_text("planted_motif: {label_key: y}\nH3: {label_key: z}\n")
    with pytest.raises(DataError, match="has another entry for planted_motif"):
        make_planted(tmp_path, ["planted_motif"], sizes=SMALL)
    make_planted(tmp_path, ["planted_motif"], sizes=SMALL, force=True)
    specs = resolve(tmp_path, tmp_path / "datasets_info.yaml", None).specs
    assert [spec.label_key for spec in specs] == ["label"]
    assert "H3" in (tmp_path / "datasets_info.yaml").read_text()


@pytest.mark.parametrize("change", ["files", "json", "format"])
def test_a_claim_about_other_files_or_damaged_is_not_believed(tmp_path, change):
    (folder,) = make_planted(tmp_path, ["planted_motif"], sizes=SMALL)
    claim = folder / "planted.json"
    if change == "files":
        (folder / "test.jsonl").write_text((folder / "eval.jsonl").read_text())
    else:
        claim.write_text("{" if change == "json" else claim.read_text().replace('"format": 1', '"format": 9'))
    dataset = open_dataset(resolve(tmp_path, None, ["planted_motif"]).specs[0])
    assert dataset.ceiling is None
    assert len(dataset.warnings) == 1
    assert "no ceiling is shown" in dataset.warnings[0]


def test_a_place_that_cannot_be_written_is_a_users_fault(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="can't be written"):
        make_planted(tmp_path / "file", ["planted_motif"], sizes=SMALL)


def test_wrong_arguments_say_what_is_right(tmp_path):
    with pytest.raises(
        DataError, match=r"no planted data set is called 'planted_motive'; did you mean planted_motif\?"
    ):
        make_planted(tmp_path, ["planted_motive"])
    with pytest.raises(DataError, match="seed"):
        make_planted(tmp_path, seed=-1)
    with pytest.raises(DataError, match="need 100 items or more, got 5"):
        Sizes(test=5)
    with pytest.raises(DataError, match="60 <= min_length <= max_length, got 200 and 100"):
        Sizes(min_length=200, max_length=100)


def test_the_shortest_sizes_hold_every_rule(tmp_path):
    sizes = Sizes(train=100, eval=100, test=100, min_length=60, max_length=60)
    make_planted(tmp_path, sizes=sizes)
    for spec in resolve(tmp_path, None, None).specs:
        assert set(open_dataset(spec).splits["train"].lengths.ravel()) == {60}


@pytest.mark.slow
def test_the_controls_in_the_docs_are_what_their_program_prints(tmp_path, capsys, monkeypatch):
    (program,) = re.findall(r"```python[^\n]*\n(.*?)```", DOC, re.DOTALL)
    monkeypatch.setattr("sys.argv", ["controls.py", str(tmp_path)])
    exec(compile(program, "controls.py", "exec"), {})
    table = DOC.split("## What controls get")[1]
    for line in capsys.readouterr().out.splitlines():
        name, kind, *values = line.split()
        row = re.search(rf"\| `{name}`[^|]*\| (.*) \|\n", table).group(1).split(" | ")
        shown = row[["1", "4", "one-hot"].index(kind)].split(", ")
        assert list(map(float, shown)) == pytest.approx(list(map(float, values)), abs=0.012)
