"""Learning curves in Weights & Biases and TensorBoard; what is off is not even imported."""

from seqbench.tracking.base import Tracker
from seqbench.tracking.make import make_trackers

__all__ = ["Tracker", "make_trackers"]
