"""Limits of tokens, held against how many tokens models of many families take."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers

from seqbench.errors import ModelError
from seqbench.models.base import SequenceFacts
from seqbench.models.limits import made_for, position_limit, token_limit
from tests.models.planted_models import behind_engine

IDS = {"vocab_size": 30, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64}
SHORT = {**SMALL, "max_position_embeddings": 64}
RELATIVE = {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["c2p", "p2c"]}
GPT = {"n_embd": 32, "n_layer": 1, "n_head": 4, "n_positions": 64}
T5 = {"d_model": 32, "num_layers": 1, "num_heads": 4, "d_ff": 64, "d_kv": 8}
BART = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "max_position_embeddings": 64}
OPT = {"ffn_dim": 64, "word_embed_proj_dim": 32}
NEO = {"num_layers": 1, "num_heads": 4, "attention_types": [[["global"], 1]]}
NYSTROM = {"segment_means_seq_len": 64, "num_landmarks": 64}
TABLES: dict[str, tuple[str, dict[str, Any], int | None]] = {
    "bert": ("Bert", SHORT, 64),
    "roberta": ("Roberta", {**SHORT, "pad_token_id": 1}, 62),
    "esm-absolute": ("Esm", {**SHORT, "pad_token_id": 1, "position_embedding_type": "absolute"}, 62),
    "esm-rotary": ("Esm", {**SHORT, "pad_token_id": 1, "position_embedding_type": "rotary"}, None),
    "electra": ("Electra", SHORT, 64),
    "nystromformer": ("Nystromformer", {**SHORT, **NYSTROM}, 64),
    "longformer": ("Longformer", {**SHORT, "attention_window": 4}, 63),
    "mpnet": ("MPNet", SHORT, 62),
    "roformer": ("RoFormer", SHORT, 64),
    "distilbert": (
        "DistilBert",
        {"dim": 32, "n_layers": 1, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 64},
        64,
    ),
    "deberta": ("DebertaV2", SHORT, 64),
    "deberta-relative": ("DebertaV2", {**SHORT, **RELATIVE, "position_buckets": 16}, None),
    "gpt2": ("GPT2", GPT, 64),
    "gptj": ("GPTJ", {**GPT, "rotary_dim": 4}, 64),
    "gpt-neo": ("GPTNeo", {**NEO, "hidden_size": 32, "max_position_embeddings": 64}, 64),
    "opt": ("OPT", {**SHORT, **OPT}, 64),
    "bart": ("Bart", BART, 64),
    "t5": ("T5", T5, None),
    "llama": ("Llama", SHORT, None),
    "mixtral": ("Mixtral", {**SHORT, "num_key_value_heads": 2, "num_local_experts": 2}, None),
    "gpt-neox": ("GPTNeoX", SHORT, None),
    "modernbert": ("ModernBert", {**SHORT, "cls_token_id": 2, "sep_token_id": 3}, None),
    "bloom": ("Bloom", {"hidden_size": 32, "n_layer": 1, "n_head": 4}, None),
    "mamba": ("Mamba", {"hidden_size": 32, "num_hidden_layers": 1, "state_size": 8}, None),
}


def model_of(family: str) -> Any:
    name, parameters, _ = TABLES[family]
    config = getattr(transformers, f"{name}Config")(**{**IDS, **parameters})
    model = transformers.AutoModel.from_config(config).eval()
    return model.get_encoder() if config.is_encoder_decoder else model


def takes(model: Any, tokens: int) -> bool:
    try:
        with torch.inference_mode():
            model(input_ids=torch.full((1, tokens), 5))
    except (RuntimeError, IndexError):
        return False
    return True


@pytest.mark.parametrize("family", TABLES)
def test_the_end_of_a_position_table_is_found_to_the_token(family: str) -> None:
    model, limit = model_of(family), TABLES[family][2]
    assert position_limit(model) == limit
    assert takes(model, limit or 200)
    assert limit is None or not takes(model, limit + 1)


class Sinusoids(torch.nn.Module):
    """What a tutorial's positional encoding looks like."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("pe", torch.zeros(50, 1, 8))
        self.register_buffer("position_ids", torch.zeros(1, 40))
        self.relative_position_embeddings = torch.nn.Embedding(9, 8)


def test_tables_of_custom_code_are_found_and_relative_ones_are_none() -> None:
    assert position_limit(Sinusoids()) == 50


UNLIMITED = SimpleNamespace(model_max_length=int(1e30))
ROTARY, TABLE = torch.nn.Linear(2, 2), torch.nn.ModuleDict({"wpe": torch.nn.Embedding(64, 2)})


@pytest.mark.parametrize(
    ("tokenizer", "config", "model", "asked", "limit"),
    [
        (48, 100, TABLE, "auto", 48),
        (10**30, 100, TABLE, "auto", 64),
        (10**30, 50, TABLE, "auto", 50),
        (10**30, 100, ROTARY, "auto", 100),
        (10**30, None, ROTARY, "auto", None),
        (48, 100, ROTARY, "whole", None),
        (48, 100, TABLE, "whole", 64),
        (48, 100, ROTARY, 5000, 5000),
        (48, 50, TABLE, 64, 64),
    ],
)
def test_auto_heeds_all_that_is_stated_and_the_rest_only_tables(
    tokenizer: int, config: int | None, model: Any, asked: Any, limit: int | None
) -> None:
    stated = SimpleNamespace(max_position_embeddings=config)
    assert token_limit(SimpleNamespace(model_max_length=tokenizer), stated, model, asked) == limit


def test_more_than_a_table_holds_is_refused() -> None:
    with pytest.raises(ModelError, match=r"takes 64 tokens at most, extract\.max_tokens is 65 \(lower it"):
        token_limit(UNLIMITED, SimpleNamespace(), TABLE, 65)


def test_what_a_config_of_custom_code_states_is_read() -> None:
    stated = SimpleNamespace(max_seq_len=1024, max_position_embeddings=-1, n_positions=float("inf"))
    assert made_for(UNLIMITED, stated) == [1024, 1024]


class PaddedTable(torch.nn.Module):
    """Positions as multimolecule's RNA-FM takes them: a padding index of 0, and a first position of 2."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(30, 8)
        self.position_embeddings = torch.nn.Embedding(66, 8, padding_idx=0)
        self.layers = torch.nn.ModuleList([torch.nn.Linear(8, 8) for _ in range(2)])

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.embed

    def forward(self, input_ids: torch.Tensor) -> Any:
        states = [self.embed(input_ids) + self.position_embeddings(torch.arange(2, input_ids.shape[1] + 2))]
        for layer in self.layers:
            states.append(layer(states[-1]))
        return SimpleNamespace(last_hidden_state=states[-1], hidden_states=states)


def test_a_table_with_rows_that_are_never_used_is_tried_at_load() -> None:
    assert position_limit(PaddedTable()) == 65
    assert not takes(PaddedTable(), 65)
    transformer = behind_engine(PaddedTable(), n_layers=3, width=8, max_length=10**9)
    facts = SequenceFacts(name="d", alphabet="rna", min_length=9, max_length=99)
    embedder = transformer.embedder(facts)
    assert (transformer.limit, embedder.settings["max_tokens"]) == (64, 64)
    assert embedder.embed(["ACGU" * 25], [0, 2]).windows.tolist() == [2]
    asked = behind_engine(PaddedTable(), n_layers=3, width=8, max_tokens=65)
    with pytest.raises(ModelError, match=r"takes 64 tokens at most, extract\.max_tokens is 65"):
        asked.embedder(facts)
