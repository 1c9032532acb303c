"""Families of multimolecule against their own hidden states; needs `pip install multimolecule`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqbench.core.alphabets import Alphabet
from seqbench.models.base import EmbedOptions, SequenceFacts
from seqbench.models.huggingface import HuggingFace

multimolecule = pytest.importorskip("multimolecule", reason="multimolecule is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
FAMILIES: dict[str, tuple[Alphabet, Callable[[], Any], dict[str, Any]]] = {
    "UtrLm": ("rna", lambda: multimolecule.RnaTokenizer(), {}),
    "RnaFm": ("rna", lambda: multimolecule.RnaTokenizer(), {}),
    "SpliceBert": ("rna", lambda: multimolecule.RnaTokenizer(), {}),
    "RnaBert": ("rna", lambda: multimolecule.RnaTokenizer(), {}),
    "DnaBert": ("dna", lambda: multimolecule.DnaTokenizer(nmers=3), {"vocab_size": 4**3 * 2}),
    "RiNALMo": ("rna", lambda: multimolecule.RnaTokenizer(), {}),
    "ErnieRna": ("rna", lambda: multimolecule.RnaTokenizer(), {}),
    "CaLm": ("rna", lambda: multimolecule.RnaTokenizer(codon=True), {}),
    "EsmC": ("protein", lambda: multimolecule.ProteinTokenizer(), {}),
}
SEQUENCES: dict[Alphabet, list[str]] = {
    "rna": ["ACGUAA", "GAUUACAGAUUACAA", "AUGGCUAGCAUCGAU" * 3],
    "dna": ["ACGTAA", "GATTACAGATTACAA", "ATGGCTAGCATCGAT" * 3],
    "protein": ["MKVLAT", "ACDEFGHIKLMNPQRSTVWY", "MSTNPKPQRKTKRNT" * 3],
}


def save(family: str, tokenizer: Any, folder: Path, **parameters: Any) -> Path:
    """A small model of a family with seeded weights."""
    config = getattr(multimolecule.models, f"{family}Config")(**SIZES, **parameters)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        getattr(multimolecule.models, f"{family}Model")(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_are_those_of_multimolecule(family: str, tmp_path: Path) -> None:
    alphabet, tokenizer, parameters = FAMILIES[family]
    folder = save(family, tokenizer(), tmp_path / family, **parameters)
    source = HuggingFace(
        name="m", path=str(folder), dtype="float32", requires="multimolecule", options=EmbedOptions()
    )
    facts = SequenceFacts(name="d", alphabet=alphabet, min_length=6, max_length=45)
    found = source.load().embedder(facts).embed(SEQUENCES[alphabet], range(4))
    model = getattr(multimolecule.models, f"{family}Model").from_pretrained(folder).eval()
    for row, sequence in enumerate(SEQUENCES[alphabet]):
        with torch.no_grad():
            inputs = tokenizer()(sequence, return_tensors="pt")
            output = model(**inputs, output_hidden_states=True)
        for layer, hidden in enumerate((*output.hidden_states[:-1], output.last_hidden_state)):
            wanted = hidden[0].mean(dim=0).numpy()
            np.testing.assert_allclose(found.layers[layer][row], wanted, atol=2e-5)
