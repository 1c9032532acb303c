"""A model of custom code in a folder: its own config, model and tokenizer, written as files."""

import json
from pathlib import Path

CONFIGURATION = """
from transformers import PretrainedConfig

class TinyConfig(PretrainedConfig):
    model_type = "tiny-mixer"

    def __init__(self, vocab=12, d_model=16, n_layer=2, **kwargs):
        self.vocab, self.d_model, self.n_layer = vocab, d_model, n_layer
        super().__init__(**kwargs)
"""
MODELING = '''
import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput

from .configuration_tiny import TinyConfig


class TinyBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mix = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, hidden):
        return hidden + torch.tanh(self.mix(hidden.transpose(1, 2)).transpose(1, 2))


class TinyModel(PreTrainedModel):
    """Takes no mask: a convolution sees its neighbours, padding too."""

    config_class = TinyConfig
    base_model_prefix = "tiny"

    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab, config.d_model)
        self.blocks = nn.ModuleList([TinyBlock(config.d_model) for _ in range(config.n_layer)])
        self.post_init()

    def get_input_embeddings(self):
        return self.embed

    def forward(self, input_ids, output_hidden_states=False, **kwargs):
        hidden = self.embed(input_ids)
        every = [hidden]
        for block in self.blocks:
            hidden = block(hidden)
            every.append(hidden)
        return BaseModelOutput(last_hidden_state=hidden, hidden_states=tuple(every))


class TinyForMaskedLM(PreTrainedModel):
    config_class = TinyConfig
    base_model_prefix = "tiny"

    def __init__(self, config):
        super().__init__(config)
        self.tiny = TinyModel(config)
        self.head = nn.Linear(config.d_model, config.vocab)
        self.post_init()

    def get_output_embeddings(self):
        return self.head

    def forward(self, input_ids, **kwargs):
        return MaskedLMOutput(logits=self.head(self.tiny(input_ids)[0]))
'''
TOKENIZATION = '''
import json
import os

from transformers import PreTrainedTokenizer


class TinyTokenizer(PreTrainedTokenizer):
    """One token a letter, in plain Python, without an unknown token: N stands for all else."""

    model_input_names = ["input_ids"]

    def __init__(self, **kwargs):
        self.letters = {letter: index for index, letter in enumerate("ACGTN")}
        super().__init__(**kwargs)

    @property
    def vocab_size(self):
        return len(self.letters)

    def get_vocab(self):
        return dict(self.letters)

    def _tokenize(self, text, **kwargs):
        return list(text)

    def _convert_token_to_id(self, token):
        return self.letters.get(token, self.letters["N"])

    def _convert_id_to_token(self, index):
        return "ACGTN"[index]

    def save_vocabulary(self, save_directory, filename_prefix=None):
        return ()
'''


def save_custom_model(folder: Path, *, bare: bool = True) -> Path:
    """Write code, config and seeded weights; `bare`: an AutoModel is offered, not a task model alone."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    (folder / "configuration_tiny.py").write_text(CONFIGURATION)
    (folder / "modeling_tiny.py").write_text(MODELING)
    (folder / "tokenization_tiny.py").write_text(TOKENIZATION)
    model = {"AutoModel": "modeling_tiny.TinyModel"} if bare else {}
    classes = {
        "AutoConfig": "configuration_tiny.TinyConfig",
        "AutoModelForMaskedLM": "modeling_tiny.TinyForMaskedLM",
        **model,
    }
    config = {"model_type": "tiny-mixer", "vocab": 12, "d_model": 16, "n_layer": 2, "auto_map": classes}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = {
        "tokenizer_class": "TinyTokenizer",
        "auto_map": {"AutoTokenizer": ["tokenization_tiny.TinyTokenizer", None]},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    generator = torch.Generator().manual_seed(0)
    start = "" if bare else "tiny."
    shapes = {"embed.weight": (12, 16)}
    for block in range(2):
        shapes |= {f"blocks.{block}.mix.weight": (16, 16, 3), f"blocks.{block}.mix.bias": (16,)}
    tensors = {start + name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    if not bare:
        tensors |= {"head.weight": torch.zeros(12, 16), "head.bias": torch.zeros(12)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
