"""Truth and prediction of letters under each other: what the lines say, and what a report reads."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.core.progress import Silent
from seqbench.core.types import Task
from seqbench.report.analyse import analyse
from seqbench.report.page.payload import payload
from seqbench.report.selection import Selection
from seqbench.report.tracks import MOST_LETTERS, ItemPredictions, tracks_of
from seqbench.schedule.run import run
from tests.stages.test_stages_letter_probes import N, config, root

__all__ = ["root"]


def item(targets: object, scores: object, places: list[int]) -> ItemPredictions:
    return ItemPredictions(
        item=3,
        place_M=np.array(places),
        targets_MK=np.array(targets, float),
        scores_MK=np.array(scores, float),
    )


def test_classes_are_letters_at_their_places() -> None:
    one = item(np.eye(3)[[0, 2, 1]], [[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.7, 0.1]], [0, 1, 4])
    symbols, (track,) = tracks_of(Task.CLASSIFICATION, [one], ["H", "E", "C"], None)
    assert symbols == (("H", "H"), ("E", "E"), ("C", "C"))
    assert (track.item, track.n_letters) == (3, 3)
    assert (track.rows[0].truth, track.rows[0].predicted) == ("HC··E", "HE··E")
    symbols, _ = tracks_of(Task.CLASSIFICATION, [one], ["exon", "intron"], None)
    assert symbols == (("A", "exon"), ("B", "intron"), ("C", "class 2"))


def test_of_two_classes_the_threshold_decides() -> None:
    one = item([[1], [0], [1]], [[0.5], [0.2], [0.9]], [0, 1, 2])
    for thresholds, told in ((None, "AAB"), ((0.4,), "BAB")):
        _, (track,) = tracks_of(Task.CLASSIFICATION, [one], [], thresholds)
        assert (track.rows[0].truth, track.rows[0].predicted) == ("BAB", told)


def test_values_are_blocks_between_the_least_and_the_greatest_true_one() -> None:
    one = item([[0.0, np.nan], [8.0, 2.0], [3.9, 1.0]], [[-5.0, 0.0], [9.0, 1.5], [4.1, 2.0]], [0, 1, 2])
    symbols, (track,) = tracks_of(Task.REGRESSION, [one], ["x"], None)
    assert symbols == (("▁ – █", "x: 0 to 8"), ("▁ – █", "1: 1 to 2"))
    assert [(row.truth, row.predicted) for row in track.rows] == [("▁█▄", "▁█▅"), ("·█▁", "·▅█")]
    labels = item([[1, 0], [0, np.nan]], [[0.7, 0.6], [0.5, 0.1]], [0, 1])
    _, (track,) = tracks_of(Task.LABELS, [labels], [], None)
    assert [(row.truth, row.predicted) for row in track.rows] == [("█░", "█░"), ("░·", "█·")]


def test_long_sequences_are_cut() -> None:
    places = list(range(MOST_LETTERS + 5))
    one = item(np.ones((len(places), 1)), np.ones((len(places), 1)), places)
    _, (track,) = tracks_of(Task.CLASSIFICATION, [one], [], None)
    assert (len(track.rows[0].truth), track.n_letters) == (MOST_LETTERS, MOST_LETTERS + 5)


@pytest.mark.usefixtures("root")
def test_a_report_shows_the_first_sequences_and_the_metrics_of_letters(root: Path) -> None:
    models = [{"kind": "onehot", "window": 5}]
    assert run(config(root, "tracks", ["pairs"], models, heads=["linear"]), Silent(), "run").failed == ()
    selection = Selection(models=("onehot-window-5",), datasets=("pairs",), heads=("linear",))
    analysis = analyse(Catalog(root / "tracks.duckdb"), selection, Silent())
    (shown,) = analysis.tracks
    assert (shown.dataset, shown.model, shown.head, shown.layer) == ("pairs", "onehot-window-5", "linear", 0)
    texts = [json.loads(line)["label"] for line in (root / "data/pairs/test.jsonl").open()]
    assert N["test"] > 10
    assert len(shown.tracks) == 10
    for track, text in zip(shown.tracks, texts, strict=False):
        assert track.rows[0].truth == text.replace(".", "·")
        assert len(track.rows[0].predicted) == len(text)
    page = payload(analysis, sentences=(), files=())
    assert page["tracks"][0]["sequences"][0]["rows"][0][1] == shown.tracks[0].rows[0].truth
    assert page["tasks"]["classification"]["metrics"][-2:] == ["accuracy_per_sequence", "segment_f1"]
    assert page["curves"][0]["choices"]["segment_f1"]["layer"] == 0
