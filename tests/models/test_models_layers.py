"""Layers of models that return other numbers of hidden states, other positions or other widths than most."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from seqbench.errors import ModelError
from seqbench.models.base import SequenceFacts, told
from seqbench.models.preflight import Verdict, certify
from seqbench.models.transformer import SequenceEmbedder
from tests.models.odd_models import VOCABULARY, WIDTH, Odd
from tests.models.planted_models import Planted, behind_engine
from tests.tiny import COMMON, LETTERS

FACTS = SequenceFacts(name="d", alphabet="dna", min_length=4, max_length=40)
SEQUENCES = ["GATTACA", "ACGTTGCAGGA" * 3, "CCGT"]


def embedder_of(model: nn.Module, n_layers: int = 4, width: int = WIDTH, **options: Any) -> SequenceEmbedder:
    return behind_engine(model, n_layers=n_layers, width=width, **options).embedder(FACTS)


def ids_of(sequence: str) -> Tensor:
    return torch.tensor([[2, *(4 + LETTERS.index(letter) for letter in sequence), 3]])


def by_hand(model: Odd, sequence: str) -> list[Tensor]:
    """Layers 0 to 3 of one sequence: the embedding, two blocks, and the model's own last state."""
    ids = ids_of(sequence)
    with torch.no_grad():
        hidden = torch.cat([model.registers, model.embed(ids)], dim=1)
        hidden = nn.functional.pad(hidden, (0, 0, 0, -hidden.shape[1] % model.pads_to))
        states = [hidden]
        blocks = model.blocks.values() if isinstance(model.blocks, nn.ModuleDict) else model.blocks
        for block in blocks:
            states.append(block(states[-1]))
        last = model.norm(states[-1])
    first = model.registers.shape[1]
    return [state[0, first : first + ids.shape[1]].mean(0) for state in (*states[:3], last)]


def assert_as_by_hand(embedder: SequenceEmbedder, model: Odd, layers: Sequence[int]) -> None:
    embedded = embedder.embed(SEQUENCES, layers)
    for row, sequence in enumerate(SEQUENCES):
        expected = by_hand(model, sequence)
        for layer in layers:
            np.testing.assert_allclose(embedded.layers[layer][row], expected[layer], atol=1e-5)


@pytest.mark.parametrize("returns", ["all", "blocks", "norm too", "none", "few"])
def test_hooks_give_every_layer_whatever_a_model_declares(returns: str) -> None:
    model = Odd(returns)
    embedder = embedder_of(model)
    if returns == "few":  # they contradict the hooks, and only the last state is certain
        assert told(embedder.forward.layers.left_out) == (
            "layers 0, 1, 2: the model returns 2 hidden_states of 3 blocks"
        )
    assert_as_by_hand(embedder, model, embedder.forward.layers.numbers)
    assert embedder.method == ("output_hidden_states" if returns == "few" else "hooks")


@pytest.mark.parametrize(
    ("returns", "layers"),
    [
        ("all", [0, 1, 2, 3]),
        ("norm too", [0, 1, 2, 3]),
        ("blocks", [1, 2, 3]),
        ("none", [3]),
        ("few", [3]),
    ],
)
def test_without_hooks_layers_are_numbered_by_how_many_are_declared(returns: str, layers: list[int]) -> None:
    model = Odd(returns, hidden_blocks=True)
    embedder = embedder_of(model)
    assert embedder.forward.layers.numbers == layers
    assert_as_by_hand(embedder, model, layers)


@pytest.mark.parametrize("returns", ["blocks", "norm too", "none"])
def test_such_models_pass_the_preflight(returns: str) -> None:
    certificate = certify(embedder_of(Odd(returns)), SEQUENCES)
    warned = [check.name for check in certificate.checks if check.verdict is not Verdict.PASS]
    assert warned == (["hooks"] if returns == "none" else [])


@pytest.mark.parametrize("hidden_blocks", [False, True])
@pytest.mark.parametrize("more", [{"registers": 3}, {"pads_to": 8}, {"registers": 2, "pads_to": 1}])
def test_only_positions_of_tokens_are_pooled_where_a_model_has_more(
    more: dict[str, int], hidden_blocks: bool
) -> None:
    model = Odd(hidden_blocks=hidden_blocks, **more)
    assert_as_by_hand(embedder_of(model), model, [0, 1, 2, 3])


def test_a_model_of_both_strands_is_as_wide_as_its_states() -> None:
    model = Odd(strands=2)
    embedder = embedder_of(model)
    assert embedder.hidden == 2 * WIDTH
    assert_as_by_hand(embedder, model, [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("odd", "line"),
    [
        ({"halves": True}, "layer 3: 25 positions for 50 tokens"),
        ({"narrow": True}, "layer 3: 8 wide, the others 16"),
    ],
)
def test_a_layer_that_cannot_be_pooled_is_named_and_the_others_go_on(odd: dict[str, bool], line: str) -> None:
    model = Odd(**odd)
    embedder = embedder_of(model)
    assert told(embedder.forward.layers.left_out).startswith(line[:20])
    assert_as_by_hand(embedder, model, [0, 1, 2])
    (check,) = [check for check in certify(embedder, SEQUENCES).checks if check.name == "layers"]
    assert check.verdict is Verdict.WARN
    assert "layer 3" in check.says
    with pytest.raises(ModelError, match="can't be pooled: layer 3"):
        embedder.embed(SEQUENCES, [3])


def test_a_model_without_any_layer_to_pool_is_one_line() -> None:
    with pytest.raises(
        ModelError, match=r"none of its layers can be pooled: .*layer 3: \d+ positions for \d+ tokens"
    ):
        embedder_of(Odd("none", halves=True, hidden_blocks=True))


def test_opt_with_a_narrower_embedding_keeps_the_layers_of_its_blocks() -> None:
    """OPT-350m: transformers 5.23 widens its embedding before the blocks and narrows what comes out."""
    torch.manual_seed(0)
    config = transformers.OPTConfig(
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        ffn_dim=64,
        word_embed_proj_dim=16,
        vocab_size=VOCABULARY,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    model = transformers.AutoModel.from_config(config).eval()
    embedder = embedder_of(model, width=32)
    assert told(embedder.forward.layers.left_out) == "layer 3: 16 wide, the others 32"
    with torch.no_grad():
        states = model(input_ids=ids_of(SEQUENCES[0]), output_hidden_states=True).hidden_states
    embedded = embedder.embed(SEQUENCES[:1], [0, 1, 2])
    for layer in range(3):
        np.testing.assert_allclose(embedded.layers[layer][0], states[layer][0].mean(0), atol=1e-5)


def test_reformer_is_pooled_over_its_tokens_though_it_pads_inside() -> None:
    torch.manual_seed(0)
    config = transformers.ReformerConfig(
        attn_layers=["local", "local"],
        hidden_size=32,
        num_attention_heads=4,
        attention_head_size=8,
        feed_forward_size=64,
        local_attn_chunk_length=8,
        axial_pos_embds=False,
        max_position_embeddings=64,
        is_decoder=False,
        vocab_size=VOCABULARY,
    )
    embedder = embedder_of(transformers.AutoModel.from_config(config), n_layers=3, width=32)
    with torch.no_grad():
        output = embedder.forward.model(input_ids=ids_of(SEQUENCES[0]), output_hidden_states=True)
    embedded = embedder.embed(SEQUENCES[:1], embedder.forward.layers.numbers)
    for layer in embedder.forward.layers.numbers:
        np.testing.assert_allclose(
            embedded.layers[layer][0], output.hidden_states[layer][0, :9].mean(0), atol=1e-5
        )


def test_canine_has_no_table_of_ids_and_gives_its_last_state() -> None:
    config = transformers.CanineConfig(**COMMON, max_position_embeddings=128, num_hash_buckets=64)
    embedder = embedder_of(transformers.CanineModel(config), width=32)
    assert embedder.forward.vocabulary is None
    assert embedder.embed(SEQUENCES, embedder.forward.layers.numbers).layers.keys() == {3}


class Undeclared(Odd):
    """Says nothing of its embedding, as Caduceus's base class."""

    def get_input_embeddings(self) -> nn.Module:
        raise NotImplementedError


def test_the_embedding_is_found_where_a_model_does_not_name_it() -> None:
    embedder = embedder_of(Undeclared())
    assert embedder.forward.vocabulary == VOCABULARY
    with pytest.raises(ModelError, match=f"makes id 30, its embedding has only {VOCABULARY}"):
        embedder.forward.check_vocabulary(np.asarray([30]))


def test_a_pad_token_that_was_added_without_resizing_is_masked() -> None:
    sound, lacking = (behind_engine(Planted(), n_layers=4, width=WIDTH) for _ in range(2))
    lacking.tokenizer.add_special_tokens({"pad_token": "<new>"})
    assert lacking.tokenizer.pad_token_id == VOCABULARY
    both = [each.embedder(FACTS) for each in (sound, lacking)]
    assert not both[1].forward.equal_lengths
    expected, found = (each.embed(SEQUENCES, [1, 3]).layers for each in both)
    np.testing.assert_allclose(found[3], expected[3], atol=1e-6)
    assert certify(both[1], SEQUENCES).verdict is Verdict.PASS


class Failing(Planted):
    """Breaks on three sequences at once."""

    def forward(self, input_ids: Tensor, *rest: Any, **more: Any) -> Any:
        if len(input_ids) == 3:
            raise IndexError("index out of range in self")
        return super().forward(input_ids, *rest, **more)


def test_what_breaks_while_it_runs_is_one_line_of_the_models() -> None:
    embedder = embedder_of(Failing())
    with pytest.raises(ModelError, match="'planted': fails on 3 x 6 tokens: index out of range"):
        embedder.embed(["ACGT"] * 3, [3])
