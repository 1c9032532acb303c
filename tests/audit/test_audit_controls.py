"""Shortcut controls, and the verdicts on twins of benchmarks that are known to be broken."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from seqbench.audit.controls import KMERS
from seqbench.audit.features import binned, count, target_means
from seqbench.catalog.audit_records import AuditRecord, ControlScore
from seqbench.metrics import MetricScore
from tests.audit.making import audited, dna_items, finding, opened, random_dna, write


def control(record: AuditRecord, name: str) -> ControlScore:
    return next(each for each in record.controls if each.control == name)


def score(found: ControlScore, metric: str) -> MetricScore:
    return next(each for each in found.metrics if each.metric == metric)


def test_a_twin_whose_length_tells_the_class_is_red(tmp_path: Path) -> None:
    """As a three-class regulatory set in which length alone has an accuracy of 0.915."""
    rng = np.random.default_rng(0)

    def items(count: int) -> list[dict]:
        made = []
        for _ in range(count):
            label = int(rng.integers(3))
            # Classes overlap such that the best guess by length is right in 92 % of the items.
            length = int(np.clip(rng.normal((80, 140, 200)[label], 18), 20, 400))
            made.append({"seq": random_dna(rng, length), "label": label})
        return made

    folder = write(tmp_path / "d", {"train": items(600), "eval": items(150), "test": items(300)})
    record = audited(folder, controls=True)
    found = control(record, "length alone")
    assert score(found, "accuracy").value == pytest.approx(0.92, abs=0.04)
    assert finding(record, "length alone").severity == "red"
    assert record.verdict == "red"
    assert finding(record, "GC alone").severity == "green"


def test_a_twin_whose_positive_test_items_stand_in_train_is_red(tmp_path: Path) -> None:
    """As a set in which three quarters of the positive test items are exact copies of training items."""
    rng = np.random.default_rng(1)
    train, test = dna_items(rng, 300), dna_items(rng, 100)
    positive_train = [item for item in train if item["label"] == 1]
    positive_test = [item for item in test if item["label"] == 1]
    copied = round(0.75 * len(positive_test))
    for item, source in zip(positive_test[:copied], positive_train, strict=False):
        item["seq"] = source["seq"]
    record = audited(write(tmp_path / "d", {"train": train, "eval": dna_items(rng, 40), "test": test}))
    assert finding(record, "copies").share == pytest.approx(copied / 100)
    assert finding(record, "copies").severity == "red"
    of_class = finding(record, "copies of a class")
    assert of_class.severity == "red"
    assert f"{copied} of {len(positive_test)} of class 1" in of_class.measured
    assert record.verdict == "red"
    assert record.splits[-1].marks["clean"] == 100 - copied


def test_a_sound_set_is_green(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)

    def items(count: int) -> list[dict]:
        made = []
        for number in range(count):
            sequence, place = random_dna(rng, 120), int(rng.integers(100))
            if number % 2:
                sequence = sequence[:place] + "TGACTCAGC" + sequence[place + 9 :]
            made.append({"seq": sequence, "label": number % 2})
        return made

    record = audited(
        write(tmp_path / "d", {"train": items(600), "eval": items(150), "test": items(200)}), controls=True
    )
    assert [each.check for each in record.findings if each.severity != "green"] == []
    assert record.verdict == "green"
    assert record.splits[-1].marks["clean"] == 200


def test_the_kmer_control_scores_as_scikit_learn_does_at_its_strength(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)

    def items(count: int) -> list[dict]:
        shares = ([0.3, 0.2, 0.2, 0.3], [0.22, 0.28, 0.28, 0.22])
        return [
            {"seq": "".join(rng.choice(list("ACGT"), 80, p=shares[n % 2])), "label": n % 2}
            for n in range(count)
        ]

    parts = {"train": items(300), "eval": items(100), "test": items(200)}
    record = audited(write(tmp_path / "d", parts), controls=True)
    kmers = [
        "".join(letters)
        for letters in np.array(np.meshgrid(*[list("ACGT")] * 4, indexing="ij")).reshape(4, -1).T
    ]

    def features(split: str) -> np.ndarray:
        counted = [Counter(i["seq"][p : p + 4] for p in range(77)) for i in parts[split]]
        return np.array([[each[kmer] / 77 for kmer in kmers] for each in counted])

    train = features("train")
    mean, sd = train.mean(axis=0), np.where(train.std(axis=0) == 0, 1, train.std(axis=0))
    labels = {split: [item["label"] for item in made] for split, made in parts.items()}
    best = min(
        (
            LogisticRegression(C=10.0**power, max_iter=5000).fit((train - mean) / sd, labels["train"])
            for power in range(-4, 3)
        ),
        key=lambda head: (
            -np.log(head.predict_proba((features("eval") - mean) / sd)[np.arange(100), labels["eval"]]).mean()
        ),
    )
    wanted = accuracy_score(labels["test"], best.predict((features("test") - mean) / sd))
    assert score(control(record, KMERS), "accuracy").value == pytest.approx(wanted, abs=0.011)


def test_majority_is_the_share_of_the_most_frequent_class(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    items = [{"seq": random_dna(rng, 30), "label": int(n % 4 == 0)} for n in range(120)]
    record = audited(
        write(tmp_path / "d", {"train": items[:80], "eval": items[80:100], "test": items[100:]}),
        controls=True,
    )
    assert score(control(record, "majority"), "accuracy").value == 0.75


def test_features_are_the_shares_that_counting_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    items = [
        {"seq1": random_dna(rng, 20) + "nN", "seq2": random_dna(rng, 30).lower(), "label": n % 2}
        for n in range(12)
    ]
    dataset = opened(write(tmp_path / "d", {"train": items, "test": items}))
    found = count(dataset, dataset.splits["train"], np.array([1, 4, 11]), lambda letters: None)
    for row, number in enumerate((1, 4, 11)):
        one, other = items[number]["seq1"].upper(), items[number]["seq2"].upper()
        assert found.length_NS[row].tolist() == [22, 30]
        wanted = [one.count(letter) / 20 for letter in "ACGT"] + [
            other.count(letter) / 30 for letter in "ACGT"
        ]
        np.testing.assert_allclose(found.letters_NC[row], wanted, rtol=1e-6)
        np.testing.assert_allclose(
            found.gc_NS[row], [sum(map(one.count, "GC")) / 20, sum(map(other.count, "GC")) / 30], rtol=1e-6
        )
        np.testing.assert_allclose(found.written_NC[row], [1 / 22, 2 / 22, 1, 0], rtol=1e-6)
        counted = Counter(other[place : place + 4] for place in range(27))
        assert found.kmers_NC[row, 256:].max() == pytest.approx(max(counted.values()) / 27)
        assert found.kmers_NC.shape == (3, 512)


def test_bins_let_a_linear_head_follow_a_bump() -> None:
    rng = np.random.default_rng(6)
    lengths = rng.integers(20, 200, (400, 1)).astype(np.float32)
    inside = (np.abs(lengths[:, 0] - 110) < 30).astype(int)
    train, test = binned(lengths[:300], [lengths[300:]])
    head = LogisticRegression(max_iter=5000).fit(train[:, 2:], inside[:300])
    assert head.score(test[:, 2:], inside[300:]) > 0.9


def test_means_of_targets_do_not_tell_an_item_its_own() -> None:
    rng = np.random.default_rng(7)
    sequences = rng.integers(0, 60, (400, 2)).astype(np.uint64)
    labels = rng.integers(0, 2, 400)
    inside, outside = target_means(
        sequences, np.eye(2)[labels], np.arange(400), [np.array([[0, 10**6]], dtype=np.uint64)], seed=0
    )
    head = LogisticRegression().fit(inside[:200], labels[:200])
    assert head.score(inside[200:], labels[200:]) == pytest.approx(0.5, abs=0.12)
    holding = (sequences == 0).any(axis=1)
    times = (sequences == 0).sum()
    wanted = ((sequences == 0).sum(axis=1) * labels)[holding].sum()
    assert outside[0, 1] == pytest.approx((wanted + labels.mean()) / (times + 1))
    assert outside[0, 2] == pytest.approx(np.log1p(times))
    assert outside[0, 4] == pytest.approx(labels.mean())


def test_what_depends_only_on_which_sequences_pair_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    proteins = ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), 40)) for _ in range(40)]
    sticky = rng.random(40)

    def items(count: int) -> list[dict]:
        made = []
        for one, other in rng.integers(0, 40, (count, 2)):
            chance = (sticky[one] + sticky[other]) / 2
            made.append({"seq1": proteins[one], "seq2": proteins[other], "label": int(chance > 0.5)})
        return made

    folder = write(tmp_path / "d", {"train": items(700), "eval": items(150), "test": items(200)})
    record = audited(folder, controls=True)
    assert finding(record, "sequence identity alone").severity == "red"
    assert finding(record, "sequences seen").share == 1.0


def test_case_that_marks_the_class_is_red(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    items = [
        {"seq": random_dna(rng, 50).lower() if n % 2 and n % 7 else random_dna(rng, 50), "label": n % 2}
        for n in range(500)
    ]
    record = audited(
        write(tmp_path / "d", {"train": items[:300], "eval": items[300:400], "test": items[400:]}),
        controls=True,
    )
    assert finding(record, "case and unknown letters alone").severity == "red"
    assert finding(record, "lower case").severity == "yellow"


@pytest.mark.parametrize("kind", ["labels", "regression"])
def test_labels_and_targets_have_controls_too(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(10)

    def items(count: int) -> list[dict]:
        made = []
        for _ in range(count):
            gc = rng.uniform(0.2, 0.8)
            sequence = "".join(rng.choice(list("ACGT"), 100, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]))
            value = [int(gc > 0.5), int(gc > 0.7)] if kind == "labels" else [gc, float(rng.normal())]
            made.append({"seq": sequence, "label": value})
        return made

    folder = write(tmp_path / "d", {"train": items(400), "test": items(150)})
    record = audited(folder, controls=True)
    gc = control(record, "GC alone")
    assert gc.way is not None
    assert gc.way > (0.9 if kind == "labels" else 0.4)
    assert finding(record, "length alone").says == "not applicable: the same for all items of train"
    assert control(record, "majority").n_train == 360
