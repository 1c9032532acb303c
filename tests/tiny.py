"""Tiny models of real families, built from config with seeded weights, and a tokenizer of letters."""

from pathlib import Path
from typing import Any

SPECIALS = ["<pad>", "<unk>", "<cls>", "<eos>"]
LETTERS = "ACGTUNDEFHIKLMPQRSVWY"
COMMON = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
GEMMA = {
    **COMMON,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": len(SPECIALS) + len(LETTERS),
    "pad_token_id": 0,
    "max_position_embeddings": 64,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertConfig", {**COMMON, "max_position_embeddings": 64}),
    "roberta": ("RobertaConfig", {**COMMON, "max_position_embeddings": 66, "pad_token_id": 1}),
    "esm": ("EsmConfig", {**COMMON, "position_embedding_type": "rotary", "token_dropout": False}),
    "llama": ("LlamaConfig", {**COMMON, "num_key_value_heads": 2, "max_position_embeddings": 64}),
    "mixtral": ("MixtralConfig", {**COMMON, "num_key_value_heads": 2, "num_local_experts": 4}),
    "gpt_neox": ("GPTNeoXConfig", COMMON),
    "modernbert": ("ModernBertConfig", {**COMMON, "cls_token_id": 2, "sep_token_id": 3}),
    "gpt2": ("GPT2Config", {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64}),
    "t5": ("T5Config", {"d_model": 32, "num_layers": 3, "num_heads": 4, "d_ff": 64, "d_kv": 8}),
    # its decoder is narrower and shallower: what runs is the encoder
    "t5gemma": (
        "T5GemmaConfig",
        {
            "encoder": GEMMA,
            "decoder": {
                **GEMMA,
                "hidden_size": 16,
                "num_hidden_layers": 2,
                "cross_attention_hidden_size": 32,
            },
        },
    ),
    "deberta": ("DebertaV2Config", COMMON),
    "bart": (
        "BartConfig",
        {
            "d_model": 32,
            "encoder_layers": 3,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 64,
            "decoder_ffn_dim": 64,
            "max_position_embeddings": 64,
            "forced_eos_token_id": None,
        },
    ),
    "opt": (
        "OPTConfig",
        {
            "hidden_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "ffn_dim": 64,
            "word_embed_proj_dim": 32,
            "max_position_embeddings": 64,
        },
    ),
    "bloom": ("BloomConfig", {"hidden_size": 32, "n_layer": 3, "n_head": 4}),
}
STATE_SPACE: dict[str, tuple[str, dict[str, Any]]] = {
    "mamba": ("MambaConfig", {"hidden_size": 32, "num_hidden_layers": 3, "state_size": 8}),
    "mamba2": (
        "Mamba2Config",
        {
            "hidden_size": 32,
            "num_hidden_layers": 3,
            "state_size": 8,
            "num_heads": 8,
            "head_dim": 8,
            "n_groups": 1,
            "chunk_size": 16,
        },
    ),
}
"""Apart, as transformers' `hidden_states` of these start behind the first block."""
LATE: dict[str, tuple[str, dict[str, Any]]] = {
    "esmc": ("EsmcConfig", {**COMMON, "num_key_value_heads": 4, "head_dim": 8, "intermediate_size": 64}),
}
"""Apart, as only tests of single tokens ask for them."""
ODD: dict[str, tuple[str, dict[str, Any]]] = {
    "narrow opt": (
        "OPTConfig",
        {
            "hidden_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "ffn_dim": 64,
            "word_embed_proj_dim": 16,
            "max_position_embeddings": 64,
        },
    ),
}
"""Of which not every layer can be pooled: as OPT-350m, whose last state is narrower than its blocks."""
DECODERS = {"narrow opt", "llama", "mixtral", "gpt_neox", "gpt2", "opt", "bloom", "mamba", "mamba2"}


def letter_tokenizer(*, specials_around: bool, max_length: int) -> Any:
    """One token a letter; with `<cls> … <eos>` around, or bare as decoders have it."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: index for index, token in enumerate([*SPECIALS, *LETTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    if specials_around:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<cls> $A <eos>", special_tokens=[("<cls>", 2), ("<eos>", 3)]
        )
    names = {"unk_token": "<unk>", "eos_token": "<eos>"}
    if specials_around:
        names |= {"pad_token": "<pad>", "cls_token": "<cls>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=max_length, **names)


def save_tiny_model(family: str, folder: Path, *, max_length: int = 64) -> Path:
    """Write config, seeded weights and tokenizer of a family."""
    import torch
    import transformers

    name, parameters = {**FAMILIES, **STATE_SPACE, **LATE, **ODD}[family]
    ids = {"bos_token_id": None if family != "modernbert" else 2, "eos_token_id": 3}
    config = getattr(transformers, name)(
        **{"vocab_size": len(SPECIALS) + len(LETTERS), "pad_token_id": 0, **ids, **parameters}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.AutoModel.from_config(config)
        for parameter in model.parameters():  # default initialisation leaves layers too alike
            parameter.data += 0.05 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    letter_tokenizer(specials_around=family not in DECODERS, max_length=max_length).save_pretrained(folder)
    return folder


def save_adapter(base: Path, auto: str, folder: Path, **parameters: Any) -> Path:
    """A LoRA adapter with random numbers in all its tensors."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = get_peft_model(
            getattr(transformers, auto).from_pretrained(base), LoraConfig(r=4, **parameters)
        )
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return folder
