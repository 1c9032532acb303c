"""Adaptation: a model goes on with masked or causal language modelling on corpora.

`vocabulary.py` says which tokens may be asked for, `masking.py` hides some of them, `batches.py` makes
examples of windows, `objective.py` computes the loss where something was hidden, `training.py` runs the steps
and writes each checkpoint with what it took (`outcome.py`).
"""
