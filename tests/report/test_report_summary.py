"""The sentences of the summary."""

from report_records import fill, probe, selection

from seqbench.report.leaderboard import leaderboard
from seqbench.report.read import read_results
from seqbench.report.summary import summarize
from seqbench.vocabulary import Task

MODELS = ("bert", "bert-untrained", "kmer-4", "onehot", "lynx")


def _summary(tmp_path, scores, models=MODELS):
    """Sentences on a catalog of data set to model to its accuracy on test; intervals are ±0.02."""
    empty = [(name, Task.CLASSIFICATION) for name in scores]
    catalog = fill(
        tmp_path / "c.duckdb",
        datasets=empty,
        models=MODELS,
        layers=0,
        skip={(model, name) for name in scores for model in MODELS},
    )
    catalog.append(
        probe(
            model,
            name,
            Task.CLASSIFICATION,
            layer,
            depth,
            scores=_scores(value - 0.1 * (1 - layer) * (depth - 1)),
        )
        for name, by_model in scores.items()
        for model, value in by_model.items()
        for depth in [1 if model in ("kmer-4", "onehot") else 2]
        for layer in range(depth)
    )
    results = read_results(catalog, selection(models, tuple(scores)))
    return summarize(results, leaderboard(results))


def _scores(value):
    return {"eval": {"accuracy": value}, "test": {"accuracy": value}}


def test_one_data_set_gives_score_interval_layer_and_head(tmp_path):
    first, control, *_ = _summary(tmp_path, {"splice": {"bert": 0.9, "kmer-4": 0.8}}, ("bert", "kmer-4"))
    assert first.startswith(
        "bert scores 0.900 accuracy on splice (interval 0.880 to 0.920), from layer 1 of 0–1"
    )
    assert control == "kmer-4, the best control, scores 0.800; the best model's interval is clear of it."


def test_a_better_control_is_said_to_be_better(tmp_path):
    _, control, *_ = _summary(tmp_path, {"splice": {"bert": 0.7, "kmer-4": 0.8}}, ("bert", "kmer-4"))
    assert control == "kmer-4, the best control, scores 0.800: more than the best model."


def test_several_models_are_counted_by_data_sets_that_they_lead(tmp_path):
    scores = {
        "a": {"bert": 0.9, "lynx": 0.8},
        "b": {"bert": 0.9, "lynx": 0.89},
        "c": {"bert": 0.7, "lynx": 0.8},
    }
    first = _summary(tmp_path, scores, ("bert", "lynx"))[0]
    assert first.startswith("bert is ahead on 2 of 3 data sets (lynx on 1)")
    assert first.endswith("clear of the next one's on 2 of 3.")


def test_controls_that_are_as_good_are_named(tmp_path):
    scores = {"a": {"bert": 0.9, "kmer-4": 0.8}, "b": {"bert": 0.7, "kmer-4": 0.8}}
    sentences = _summary(tmp_path, scores, ("bert", "kmer-4"))
    assert sentences[0] == "bert scores above every control on 1 of 2 data sets, with clear intervals on 1."
    assert sentences[1].startswith("A control is as good or better on b (kmer-4)")


def test_the_depth_of_the_chosen_layers_and_the_oracles_gain_are_told(tmp_path):
    sentences = _summary(tmp_path, {"a": {"bert": 0.9}, "b": {"bert": 0.7}}, ("bert",))
    assert "lies at 100% of the depth in the median, and is the last one on 2 of 2 data sets" in sentences[0]
    assert "0.000 more in the median, 0.000 at most" in sentences[0]


def test_controls_alone_are_no_result(tmp_path):
    assert _summary(tmp_path, {"a": {"kmer-4": 0.9}}, ("kmer-4",)) == ("Only controls have scores on test.",)


def test_what_is_missing_is_counted(tmp_path):
    assert _summary(tmp_path, {"a": {"bert": 0.9}}, ("bert", "lynx"))[-1] == (
        "1 of 2 combinations have no results (listed at the end of the page)."
    )
