"""A preflight passes sound models and names each planted fault."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.registry import resolve
from seqbench.models.base import EmbedOptions, SequenceFacts
from seqbench.models.huggingface import HuggingFace
from seqbench.models.preflight import Certificate, Check, Sample, Verdict, certify, draw, preflight
from seqbench.models.preflight.cost_checks import duration, tokens_per_second
from seqbench.models.preflight.data_checks import check_unknown
from seqbench.models.preflight.hook_check import check_hooks
from seqbench.models.preflight.memory import activation_bytes, weight_bytes
from seqbench.models.preflight.passes import Passes, difference
from seqbench.models.tokens import Tokens
from seqbench.models.transformer import SequenceEmbedder, Transformer
from tests.data import write_split
from tests.models.planted_models import WIDTH, Planted, behind_engine, planted
from tests.tiny import FAMILIES, LETTERS, STATE_SPACE, letter_tokenizer
from tests.tiny_tokenizers import kmers

TinyModel = Callable[[str], Path]
SEQUENCES = ["ACGTTGCAGGATTACAGATT", "GATTACAGATTACAGGCCTTAGCA", "TTGACCA", "CCGTA"]
FACTS = SequenceFacts(name="gc", alphabet="dna", min_length=5, max_length=24, letters=1000, sequences=50)
SAMPLE = Sample(facts=FACTS, sequences=tuple(SEQUENCES))


def load(folder: Path, **options: Any) -> Transformer:
    wanted = EmbedOptions(**options)
    return HuggingFace(name="tiny", path=str(folder), dtype="float32", options=wanted).load()


def certificate_of(transformer: Transformer) -> Certificate:
    return certify(transformer.embedder(FACTS), SEQUENCES)


def found(certificate: Certificate, name: str) -> Check:
    (check,) = [check for check in certificate.checks if check.name == name]
    return check


@pytest.mark.parametrize("family", FAMILIES)
def test_every_tested_family_passes(tiny_model: TinyModel, family: str) -> None:
    certificate = certificate_of(load(tiny_model(family)))
    assert [check.name for check in certificate.checks if check.verdict is not Verdict.PASS] == []
    assert certificate.verdict is Verdict.PASS


@pytest.mark.parametrize("family", STATE_SPACE)
def test_state_space_models_pass_though_they_declare_no_embedding_output(
    tiny_model: TinyModel, family: str
) -> None:
    certificate = certificate_of(load(tiny_model(family)))
    assert found(certificate, "hooks").measured == "agree, but for layer 0"
    assert certificate.verdict is Verdict.PASS


def test_the_sound_model_passes_all_checks() -> None:
    certificate = preflight(planted(), [SAMPLE])
    assert certificate.verdict is Verdict.PASS
    assert [check.name for check in certificate.checks] == [
        *(
            "letters",
            "layers",
            "finite values",
            "determinism",
            "hooks",
            "padding",
            "batches",
            "state",
            "positions",
        ),
        *("unknown tokens", "sequences over the limit", "speed", "memory"),
    ]


def test_dropout_left_on_in_the_code_fails() -> None:
    check = found(certificate_of(planted("dropout")), "determinism")
    assert check.verdict is Verdict.FAIL
    assert "dropout" in check.advice


def test_a_model_left_in_training_mode_fails(tiny_model: TinyModel) -> None:
    embedder = load(tiny_model("bert")).embedder(FACTS)
    embedder.forward.model.train()
    certificate = certify(embedder, SEQUENCES)
    assert found(certificate, "determinism").verdict is Verdict.FAIL


def test_padding_that_leaks_is_measured_and_the_engine_never_pads() -> None:
    check = found(certificate_of(planted("padding leaks")), "padding")
    assert check.verdict is Verdict.PASS
    assert "equal_lengths" in check.measured
    assert check.value is not None
    assert check.value > 0.1


def test_padding_that_leaks_fails_where_the_engine_pads() -> None:
    embedder = planted("padding leaks").embedder(FACTS)
    embedder.forward.equal_lengths = False
    check = found(certify(embedder, SEQUENCES), "padding")
    assert check.verdict is Verdict.FAIL
    assert "attention_mask" in check.advice


def test_a_batch_whose_sequences_mix_fails() -> None:
    assert found(certificate_of(planted("batch leaks")), "batches").verdict is Verdict.FAIL


def test_blocks_that_do_not_return_hidden_states_are_a_warning_with_its_cost() -> None:
    certificate = certificate_of(planted("blocks return changes"))
    check = found(certificate, "hooks")
    assert (check.verdict, certificate.method) == (Verdict.WARN, "output_hidden_states")
    assert "in memory at once" in check.says
    assert check.value is not None
    assert check.value > 0.1


def test_hooks_that_are_trusted_but_differ_fail() -> None:
    embedder = planted().embedder(FACTS)
    embedder.forward.model.blocks[1].register_forward_hook(lambda module, args, output: output + 0)
    before = found(certify(embedder, SEQUENCES), "hooks").verdict
    embedder.forward.model.fault = "blocks return changes"  # the model now adds what blocks give to its input
    embedder.forward.state.note()
    check = found(certify(embedder, SEQUENCES), "hooks")
    assert (before, check.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert "layer" in check.measured


def hook_check(method: str, declared: list[torch.Tensor] | None) -> Check:
    """The check on layers 0 to 3 that hold their own number, against what the model declares."""
    layers = {layer: torch.full((2, 4), float(layer + 1)) for layer in range(4)}
    passes: Any = SimpleNamespace(
        forward=SimpleNamespace(tap=SimpleNamespace(method=method), n_layers=4),
        tolerance=1e-4,
        long=2,
        window=lambda tokens: None,
        hooked=lambda window: layers,
        declared=lambda window: declared,
    )
    return check_hooks(passes, layers)


@pytest.mark.parametrize(
    ("method", "verdict"), [("hooks", Verdict.PASS), ("output_hidden_states", Verdict.FAIL)]
)
def test_states_without_an_embedding_output_are_right_by_hooks_and_one_off_without(
    method: str, verdict: Verdict
) -> None:
    assert (
        hook_check(method, [torch.full((2, 4), value) for value in (2.0, 3.0, 3.5, 4.0, 4.0)]).verdict
        is verdict
    )


def test_a_model_without_output_hidden_states_is_a_warning() -> None:
    assert hook_check("hooks", None).verdict is Verdict.WARN


def test_nan_is_named_with_its_first_layer() -> None:
    check = found(certificate_of(planted("NaN weights")), "finite values")
    assert (check.verdict, check.measured) == (Verdict.FAIL, "NaN from layer 2")


def test_a_width_that_is_not_the_configs_is_the_states_own() -> None:
    check = found(certificate_of(planted(width=WIDTH + 1)), "layers")
    assert check.verdict is Verdict.PASS
    assert "16 wide, where config.json says 17" in check.says
    assert planted(width=WIDTH + 1).embedder(FACTS).hidden == 16


def test_a_limit_over_the_positions_that_there_are_is_lowered_to_what_works() -> None:
    certificate = certificate_of(planted("short table"))
    assert found(certificate, "positions").measured == "56 hard"


def test_a_limit_that_fails_later_on_fails_at_the_limit() -> None:
    embedder = planted().embedder(FACTS)
    embedder.transformer.limit = 200
    check = found(certify(embedder, SEQUENCES), "positions")
    assert (check.verdict, check.value) == (Verdict.FAIL, 200)
    assert "index out of range" in check.says


def test_a_letter_without_a_row_in_the_embedding_is_named_and_no_length_is_blamed() -> None:
    tokenizer = letter_tokenizer(specials_around=True, max_length=64)
    tokenizer.add_tokens(["B"])  # the 26th id of an embedding of 25
    embedder = planted(tokenizer=tokenizer).embedder(FACTS)
    certificate = certify(embedder, ["ACGTTGCAGGB", *SEQUENCES])
    check = found(certificate, "letters")
    assert (check.verdict, check.measured) == (Verdict.FAIL, "B beyond 25 ids")
    assert found(certificate, "positions").verdict is Verdict.PASS
    alone = preflight(planted(tokenizer=tokenizer), [])
    assert found(alone, "letters").measured == "B beyond 25 ids"


def test_a_letter_whose_value_overflows_float16_is_named_and_no_length_is_blamed() -> None:
    model = Planted()
    model.embed.weight.data[4 + LETTERS.index("N")] = 1e6
    with torch.inference_mode(False):
        embedder = behind_engine(model.half(), n_layers=4, width=WIDTH, dtype="float16").embedder(FACTS)
    certificate = certify(embedder, ["ACGTTGCAGGN", *SEQUENCES])
    check = found(certificate, "letters")
    assert (check.verdict, check.measured) == (Verdict.FAIL, "N gives NaN")
    assert "float16 ends at 65,504" in check.advice
    assert {found(certificate, name).verdict for name in ("finite values", "positions")} == {Verdict.PASS}


def test_k_mers_count_sequences_shorter_than_a_word_and_all_that_one_letter_makes_unknown() -> None:
    tokens = Tokens(kmers(3), limit=None, overlong="window", alphabet="dna")
    check = check_unknown(tokens, ["ACGTTGCAGGATTACA" * 20, "AC", "ACGTNACGT"], "d")
    assert check.verdict is Verdict.WARN
    assert "N (0.3 %, 3 tokens each)" in check.says
    assert "Of 1 sequences no token is known" in check.says


@pytest.mark.parametrize(("family", "kind"), [("bert", "hard"), ("llama", "declared")])
def test_the_limit_is_tried_and_said_to_be_hard_or_declared(
    tiny_model: TinyModel, family: str, kind: str
) -> None:
    assert found(certificate_of(load(tiny_model(family))), "positions").measured == f"64 {kind}"


def test_a_long_limit_is_left_untested_in_passing(tiny_model: TinyModel) -> None:
    check = found(certificate_of(load(tiny_model("esm"), max_tokens=300)), "positions")
    assert check.measured == "300 declared, untested"


def unknown(sequences: list[str]) -> Check:
    return found(certify(planted().embedder(FACTS), sequences), "unknown tokens")


def test_a_letter_that_the_tokenizer_lacks_is_named_with_its_share() -> None:
    check = unknown(["ACGT" * 24 + "XACG", "ACGT" * 25])  # 1 of 200 letters
    assert (check.verdict, check.value) == (Verdict.WARN, 1 / 200)
    assert "X (0.5 %)" in check.says
    assert unknown(["ACGX"]).verdict is Verdict.FAIL
    assert unknown(["ACGT"]).verdict is Verdict.PASS


def test_a_letter_that_a_tokenizer_drops_counts_as_unknown() -> None:
    tokenizer = letter_tokenizer(specials_around=True, max_length=64)
    tokenizer.backend_tokenizer.normalizer = dropping("N")
    embedder = planted(tokenizer=tokenizer).embedder(FACTS)
    check = found(certify(embedder, ["ACGT" * 24 + "NACG", "ACGT" * 25]), "unknown tokens")
    assert (check.verdict, check.value) == (Verdict.WARN, 1 / 200)


def dropping(letter: str) -> Any:
    from tokenizers import normalizers

    return normalizers.Replace(letter, "")


def test_a_data_set_that_the_tokenizer_cannot_read_is_a_failed_check() -> None:
    tokenizer = letter_tokenizer(specials_around=True, max_length=64)
    tokenizer.backend_tokenizer.normalizer = dropping("G")
    certificate = preflight(planted(tokenizer=tokenizer), [SAMPLE])
    check = found(certificate, "unknown tokens")
    assert (check.verdict, check.dataset, check.measured) == (Verdict.FAIL, "gc", "unreadable")
    assert certificate.device is None


@pytest.mark.parametrize(
    ("overlong", "verdict", "measured"),
    [
        ("window", Verdict.PASS, "50 % in windows"),
        ("truncate", Verdict.WARN, "50 %, 25 % lost"),
        ("error", Verdict.FAIL, "102 tokens over 52"),
    ],
)
def test_sequences_over_the_limit_are_counted(overlong: str, verdict: Verdict, measured: str) -> None:
    embedder = planted(max_tokens=52, overlong=overlong).embedder(FACTS)
    check = found(certify(embedder, ["ACGTACGTAC" * 10, "ACGT"]), "sequences over the limit")
    assert (check.verdict, check.measured) == (verdict, measured)


def test_without_a_data_set_the_tokenizers_alphabets_are_told() -> None:
    certificate = preflight(planted(), [])
    assert found(certificate, "alphabets").measured == "dna, rna, protein"
    assert found(certificate, "speed").dataset is None


def test_the_time_for_a_data_set_is_its_tokens_over_the_rate() -> None:
    check = found(preflight(planted(), [SAMPLE]), "speed")
    tokens = 1000 * (sum(map(len, SEQUENCES)) + 2 * len(SEQUENCES)) / sum(map(len, SEQUENCES))
    assert check.value is not None
    assert duration(tokens / check.value) in check.measured


def test_the_rate_counts_the_tokens_of_what_was_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr("seqbench.models.preflight.cost_checks.time.perf_counter", lambda: next(clock))
    assert tokens_per_second(planted().embedder(FACTS), ["ACGTACGT"]) == 10 / 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5 s"), (90, "90 s"), (150, "2.5 min"), (9000, "2.5 h"), (3e5, "3.47 days")]
)
def test_times_are_told_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_weights_are_counted_with_what_was_laid_out_anew() -> None:
    expected = sum(weight.nbytes for weight in Planted().parameters())
    assert weight_bytes(planted().embedder(FACTS).forward.model) == expected


class Doubling(torch.nn.Module):
    """Holds two new tensors of its input's size at once, for a moment."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * 2 + x.t().t()).relu_()


def test_memory_in_flight_is_that_of_live_tensors() -> None:
    model, x = Doubling(), torch.ones(64, 32)
    passes: Any = SimpleNamespace(
        forward=SimpleNamespace(device=torch.device("cpu")),
        window=lambda tokens, start: None,
        reduce=lambda take, *windows: model(x),
    )
    assert activation_bytes(passes, 2048) == 2 * x.nbytes / 2048


def test_a_long_first_token_does_not_hide_what_happens_to_the_others() -> None:
    truth = torch.ones(10, 4)
    truth[0] = 1000
    changed = truth.clone()
    changed[1:] *= 1.1
    assert difference(changed, truth) == pytest.approx(0.1 * 0.9**0.5, rel=1e-5)
    assert difference(torch.full((10, 4), torch.nan), truth) == float("inf")


def test_windows_have_the_length_that_is_asked_for() -> None:
    embedder: SequenceEmbedder = planted().embedder(FACTS)
    passes = Passes(embedder, ["ACG"])
    assert embedder.tokens.encode(["ACGAC"])[0].tolist() == passes.window(7)[1:-1].tolist()
    assert len(passes.window(2000)) == 2000


def test_a_certificate_is_plain_json() -> None:
    attrs = certificate_of(planted("NaN weights")).attrs()
    assert json.loads(json.dumps(attrs, allow_nan=False)) == attrs
    assert (attrs["verdict"], attrs["layers_by"], attrs["dtype"]) == ("fail", "hooks", "float32")


def test_a_sample_is_spread_over_all_splits_and_is_always_the_same(tmp_path: Path) -> None:
    for split in ("train", "eval", "test"):
        write_split(tmp_path / "gc", split, items=100, seqs=2)
    dataset = open_dataset(resolve(tmp_path, None, ["gc"]).specs[0])
    few, again, every = (draw(dataset, FACTS, sequences=count) for count in (96, 96, 10**6))
    assert few == again
    assert len(few.sequences) == 96
    assert len(set(every.sequences)) > 500  # of 600
    assert set(few.sequences) & {text for item in dataset.splits["test"].sequences(84, 100) for text in item}
