"""Using a trained head: new sequences or embeddings in, scores out."""

from seqbench.predict.outputs import check_format
from seqbench.predict.predict import needs_model, predict
from seqbench.probe.saved_head import SavedHead
from seqbench.probe.saving import load

__all__ = ["SavedHead", "check_format", "load", "needs_model", "predict"]
