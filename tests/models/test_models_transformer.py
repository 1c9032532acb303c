"""Embeddings of transformers against an independent computation with transformers' own hidden states."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from seqbench.errors import ModelError, ModelNotFoundError
from seqbench.models.base import EmbedOptions, OverlongSequenceError, Pooled, Remark, SequenceFacts, Unfit
from seqbench.models.huggingface import HuggingFace, RandomInit
from seqbench.models.joining import embed
from seqbench.models.transformer import SequenceEmbedder
from tests.tiny import FAMILIES

TinyModel = Callable[[str], Path]
SEQUENCES = ["ACGT", "GATTACAGATTACA", "TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT", "C", "ACGTNACGTTGCAGGA"]


FACTS = SequenceFacts(name="d", alphabet="dna", min_length=1, max_length=32)


def load(folder: Path, **options: object) -> SequenceEmbedder:
    wanted = EmbedOptions(**options)  # type: ignore[arg-type]
    return HuggingFace(name="tiny", path=str(folder), dtype="float32", options=wanted).load().embedder(FACTS)


def hidden_states(folder: Path, sequence: str) -> list[np.ndarray]:
    """Every layer's hidden states of one sequence, alone, as transformers gives them: (T, H) each."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    with torch.no_grad():
        output = model(
            input_ids=tokenizer(sequence, return_tensors="pt")["input_ids"], output_hidden_states=True
        )
    return [hidden[0].numpy() for hidden in output.hidden_states]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_is_the_mean_of_transformers_hidden_states(tiny_model: TinyModel, family: str) -> None:
    model = load(tiny_model(family))
    embedded = model.embed(SEQUENCES, range(4))
    for row, sequence in enumerate(SEQUENCES):
        for layer, hidden_TH in enumerate(hidden_states(tiny_model(family), sequence)):
            np.testing.assert_allclose(
                embedded.layers[layer][row], hidden_TH.mean(axis=0), atol=1e-5, rtol=1e-5
            )


@pytest.mark.parametrize("family", FAMILIES)
def test_hooks_are_trusted_for_every_tested_family(tiny_model: TinyModel, family: str) -> None:
    assert load(tiny_model(family)).method == "hooks"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_is_the_same_whatever_its_batch_mates(tiny_model: TinyModel, family: str) -> None:
    model = load(tiny_model(family))
    together = model.embed(SEQUENCES, [0, 3])
    for row, sequence in enumerate(SEQUENCES):
        alone = model.embed([sequence], [0, 3])
        for layer in (0, 3):
            np.testing.assert_allclose(
                together.layers[layer][row], alone.layers[layer][0], atol=1e-5, rtol=1e-5
            )


@pytest.mark.parametrize(
    ("pooling", "by_hand"),
    [
        ("max", lambda hidden_TH: hidden_TH.max(axis=0)),
        ("cls", lambda hidden_TH: hidden_TH[0]),
        ("last", lambda hidden_TH: hidden_TH[-1]),
    ],
)
def test_other_poolings_agree_with_numpy(tiny_model: TinyModel, pooling: str, by_hand: Callable) -> None:
    model = load(tiny_model("llama"), poolings=(pooling,))
    embedded = model.embed(SEQUENCES, range(4))
    for row, sequence in enumerate(SEQUENCES):
        for layer, hidden_TH in enumerate(hidden_states(tiny_model("llama"), sequence)):
            np.testing.assert_allclose(embedded.layers[layer][row], by_hand(hidden_TH), atol=1e-5, rtol=1e-5)


def test_layers_above_the_deepest_wanted_one_do_not_run(tiny_model: TinyModel) -> None:
    model = load(tiny_model("bert"))
    ran = []
    for index, block in enumerate(model.forward.model.encoder.layer):
        block.register_forward_hook(lambda *args, index=index: ran.append(index))
    all_layers = model.embed(["ACGT"], range(4))
    ran.clear()
    some = model.embed(["ACGT"], [0, 1])
    assert ran == [0]
    np.testing.assert_array_equal(some.layers[1], all_layers.layers[1])


def test_windows_of_a_long_sequence_are_averaged_by_their_tokens(tiny_model: TinyModel) -> None:
    model = load(tiny_model("esm"), max_tokens=12)
    sequence = (
        "ACGTTGCAGGATTACAGATTACAGG"  # 25 letters: windows of 10, 10 and 5, each between <cls> and <eos>
    )
    embedded = model.embed([sequence], [3])
    windows = [hidden_states(tiny_model("esm"), sequence[start : start + 10])[3] for start in (0, 10, 20)]
    np.testing.assert_allclose(
        embedded.layers[3][0], np.concatenate(windows).mean(axis=0), atol=1e-5, rtol=1e-5
    )
    assert (embedded.tokens[0], embedded.windows[0], embedded.coverage[0]) == (31, 3, 1.0)


def test_truncation_records_the_share_that_was_seen(tiny_model: TinyModel) -> None:
    model = load(tiny_model("bert"), max_tokens=12, overlong="truncate")
    embedded = model.embed(["A" * 40, "ACGT"], [0])
    assert embedded.coverage.tolist() == [0.25, 1.0]


def test_a_long_sequence_is_an_error_where_the_user_said_so(tiny_model: TinyModel) -> None:
    model = load(tiny_model("bert"), overlong="error")
    with pytest.raises(OverlongSequenceError, match="sequence 1 has 102 tokens, the limit is 64"):
        model.embed(["ACGT", "A" * 100], [0])


def test_overlapping_windows_count_every_token_once(tiny_model: TinyModel) -> None:
    model = load(tiny_model("llama"), max_tokens=10, stride=6)
    sequence = "ACGTTGCAGGATTACAGATTAC"  # 22 letters, no special tokens: windows 0-10, 6-16, 12-22
    embedded = model.embed([sequence], [3])
    starts = {0: 0, 6: 4, 12: 4}  # window start: own tokens that an earlier window holds
    fresh = [
        hidden_states(tiny_model("llama"), sequence[at : at + 10])[3][skip:] for at, skip in starts.items()
    ]
    assert sum(map(len, fresh)) == len(sequence)
    np.testing.assert_allclose(
        embedded.layers[3][0], np.concatenate(fresh).mean(axis=0), atol=1e-5, rtol=1e-5
    )


def test_special_tokens_can_be_left_out_of_the_mean(tiny_model: TinyModel) -> None:
    model = load(tiny_model("esm"), special_tokens=False)
    embedded = model.embed(SEQUENCES, [0, 3])
    for row, sequence in enumerate(SEQUENCES):
        hidden_TH = hidden_states(tiny_model("esm"), sequence)[3]
        np.testing.assert_allclose(
            embedded.layers[3][row], hidden_TH[1:-1].mean(axis=0), atol=1e-5, rtol=1e-5
        )


def test_several_poolings_come_from_one_pass(tiny_model: TinyModel) -> None:
    model = load(tiny_model("esm"), poolings=("mean", "max", "cls", "last"), max_tokens=12)
    passes = []
    model.forward.model.register_forward_hook(lambda *args: passes.append(1))
    (batch,) = model.prepare(["ACGTACGT", "GATTACAG"]).batches
    (event,) = model.compute(batch, [3])
    assert isinstance(event, Pooled)
    assert (event.fetch().shape, len(passes)) == ((4, 1, 2, 32), 1)
    for pooling in model.poolings:
        alone = load(tiny_model("esm"), poolings=(pooling,), max_tokens=12)
        together = embed(model, SEQUENCES, [3], pooling)
        np.testing.assert_allclose(together.layers[3], alone.embed(SEQUENCES, [3]).layers[3], atol=1e-6)


def refuse(model: SequenceEmbedder, monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """Let forward passes of over `most` tokens run out of memory; gives the sizes that went through."""
    run, sizes = model.forward.run_with_tokens, []

    def limited(ids_BT: np.ndarray, *rest: object) -> object:
        if ids_BT.size > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(ids_BT.size)
        return run(ids_BT, *rest)

    monkeypatch.setattr(model.forward, "run_with_tokens", limited)
    return sizes


def test_out_of_memory_halves_the_batch_and_later_ones(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, many = load(tiny_model("esm"), tokens_per_batch=512), ["ACGTACGT" * 3] * 16
    whole = model.embed(many, [3])
    refuse(model, monkeypatch, 128)
    events = [event for batch in model.prepare(many).batches for event in model.compute(batch, [3])]
    remarks = [event.text for event in events if isinstance(event, Remark)]
    assert remarks[0] == "tiny × d: out of memory at 416 tokens a batch, going on with 208"
    assert max(len(batch) for batch in model.prepare(many).batches) * 26 <= 208
    np.testing.assert_allclose(model.embed(many, [3]).layers[3], whole.layers[3], atol=1e-6)


def test_batches_made_before_the_budget_was_halved_are_not_tried_whole(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(tiny_model("esm"), tokens_per_batch=512)
    prepared = model.prepare(["ACGTACGT" * 3] * 64)  # batches of 16 x 26 tokens, made at once
    assert [len(batch) for batch in prepared.batches] == [16] * 4
    tried: list[int] = []
    run = model.forward.run_with_tokens

    def limited(ids_BT: np.ndarray, *rest: object) -> object:
        tried.append(ids_BT.size)
        if ids_BT.size > 128:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(ids_BT, *rest)

    monkeypatch.setattr(model.forward, "run_with_tokens", limited)
    for batch in prepared.batches:
        list(model.compute(batch, [3]))
    assert [size for size in tried if size > 128] == [
        416,
        208,
    ]  # the first batch and its first half, no other


def test_a_sequence_that_does_not_fit_is_cut_into_windows(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence = "ACGTTGCAGGATTACA" * 16
    folder = tiny_model("llama")
    windows = load(folder, max_tokens=128).embed([sequence], [3])
    model = load(folder, max_tokens="whole")
    refuse(model, monkeypatch, 128)
    cut = model.embed([sequence], [3])
    assert (windows.windows[0], cut.windows[0], cut.coverage[0]) == (2, 2, 1.0)
    np.testing.assert_allclose(cut.layers[3], windows.layers[3], atol=1e-5, rtol=1e-5)


def test_a_sequence_that_does_not_fit_is_left_out_if_the_user_says_so(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(tiny_model("llama"), max_tokens="whole", oversize="skip")
    refuse(model, monkeypatch, 128)
    batches = model.prepare(["ACGT", "ACGT" * 64]).batches
    events = [event for batch in batches for event in model.compute(batch, [3])]
    assert Unfit(owner=1, tokens=256) in events
    assert [event.owner_B.tolist() for event in events if isinstance(event, Pooled)] == [[0]]


def test_a_model_that_fits_no_window_at_all_is_an_error(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(tiny_model("esm"))
    refuse(model, monkeypatch, 0)
    with pytest.raises(ModelError, match="out of memory at 1 x 6 tokens"):
        model.embed(["ACGT"], [3])


@pytest.mark.parametrize(("family", "limit"), [("bert", 64), ("roberta", 64), ("gpt2", 64), ("t5", 64)])
def test_the_limit_is_what_position_tables_and_tokenizer_allow(
    tiny_model: TinyModel, family: str, limit: int
) -> None:
    assert load(tiny_model(family)).settings["max_tokens"] == limit


def test_max_tokens_over_the_models_limit_is_refused(tiny_model: TinyModel) -> None:
    with pytest.raises(ModelError, match=r"takes 64 tokens at most, extract\.max_tokens is 100"):
        load(tiny_model("bert"), max_tokens=100)


def test_random_init_is_decided_by_its_seed(tiny_model: TinyModel) -> None:
    folder = str(tiny_model("bert"))

    def row(seed: int) -> np.ndarray:
        source = RandomInit(name="twin", path=folder, dtype="float32", seed=seed, options=EmbedOptions())
        return source.load().embedder(FACTS).embed(["ACGTACGT"], [3]).layers[3]

    np.testing.assert_array_equal(row(0), row(0))
    assert np.abs(row(0) - row(1)).max() > 0.01


def test_fingerprints_follow_weights_and_not_names(tiny_model: TinyModel, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(tiny_model("bert"), tmp_path / "copy")
    (folder / "README.md").write_text("notes")
    first = HuggingFace(name="a", path=str(tiny_model("bert")), options=EmbedOptions()).identity()
    second = HuggingFace(name="b", path=str(folder), options=EmbedOptions()).identity()
    assert first.fingerprint == second.fingerprint
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"x")
    changed = HuggingFace(name="b", path=str(folder), options=EmbedOptions()).identity()
    assert changed.fingerprint != first.fingerprint


def test_weights_that_lack_a_block_are_refused(tiny_model: TinyModel, tmp_path: Path) -> None:
    import json
    import shutil

    folder = shutil.copytree(tiny_model("bert"), tmp_path / "deeper")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 4}))
    with pytest.raises(ModelError, match=r"lack 16 tensors .*encoder\.layer\.3"):
        load(folder)


def test_custom_code_does_not_run_without_consent(tiny_model: TinyModel, tmp_path: Path) -> None:
    import json
    import shutil

    folder = shutil.copytree(tiny_model("bert"), tmp_path / "custom")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.MineConfig", "AutoModel": "mine.Mine"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match="trust_remote_code: true if you trust it"):
        load(folder)
    assert not (tmp_path / "ran").exists()


def test_a_hub_id_is_taken_from_the_local_hub_cache(
    tiny_model: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from huggingface_hub import constants

    revision = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--lab--tiny"
    shutil.copytree(tiny_model("bert"), repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    identity = HuggingFace(name="tiny", path="lab/tiny", options=EmbedOptions()).identity()
    assert identity.revision == revision
    with pytest.raises(ModelNotFoundError, match="lab/other is no directory and can't be had from the hub"):
        HuggingFace(name="other", path="lab/other", options=EmbedOptions()).identity()
