"""The model card of a fine-tuned model: what it is, what it scored, and how it is opened without seqbench."""

from collections.abc import Mapping
from typing import Any

from seqbench.finetune.folder import FineTunedFacts
from seqbench.metrics import PRIMARY

_OPEN_WHOLE = """from transformers import {auto}
model = {auto}.from_pretrained("this folder")"""
_OPEN_ADAPTER = """from peft import PeftModel
from transformers import {auto}
model = PeftModel.from_pretrained({auto}.from_pretrained("{base}"), "this folder")"""


def model_card(facts: FineTunedFacts, base: str, auto: str) -> str:
    """Write the card.

    Args:
        facts: Of the folder.
        base: The checkpoint that training began with.
        auto: The class of transformers that opens it.
    """
    is_adapter = facts.encoder == "lora"
    way = "LoRA adapters beside its weights" if is_adapter else "all weights that its hidden states depend on"
    code = (_OPEN_ADAPTER if is_adapter else _OPEN_WHOLE).format(auto=auto, base=base)
    training: Mapping[str, Any] = facts.training
    chosen = training["chosen_point"]
    point = "" if chosen is None else f" Its weights are those of point {chosen} of the curve."
    header = {
        "base_model": base,
        "library_name": "peft" if is_adapter else "transformers",
        "tags": "[seqbench]",
    }
    lines = ["---", *(f"{key}: {value}" for key, value in header.items()), "---", ""]
    lines += [
        f"# {facts.model} on {facts.dataset}",
        "",
        f"{facts.model}, trained on {facts.dataset} with a head ({facts.head.kind}): {way}, seed "
        f"{facts.seed}{', ' if training.get('part') else ''}{training.get('part', '')}. "
        f"{training['trained_parameters']:,} of {training['total_parameters']:,} numbers were trained, in "
        f"{training['steps']:,} steps over {training['items']:,} items and {training['tokens']:,} tokens, "
        f"{training['seconds']:,.0f} s on {training['device']}.{point}",
        "",
        "## Scores",
        "",
        "| target | split | metric | score |",
        "|---|---|---|---|",
    ]
    for target in facts.targets:
        for split, scores in facts.scores.get(target.name, {}).items():
            primary = PRIMARY[target.task]
            for metric in sorted(scores, key=lambda name: (name != primary, name)):
                value = scores[metric]
                lines.append(
                    f"| {target.name} | {split} | {metric} | {'–' if value is None else f'{value:.4f}'} |"
                )
    lines += [
        "",
        "## Use",
        "",
        "`seqbench predict` with this folder and a file of sequences scores them. Without seqbench, the "
        "model alone:",
        "",
        "```python",
        *code.splitlines(),
        "```",
        "",
        "`head.safetensors` holds the head, `finetuned.json` the names of its outputs and all else about it.",
        "",
    ]
    return "\n".join(lines)
