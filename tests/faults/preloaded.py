"""What the fork server imports and does once, so that its children need not; it starts no threads.

Imported by the server alone: it sets the number of threads for the whole process.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import duckdb  # noqa: F401
import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401
import pytest  # noqa: F401
import sklearn.linear_model  # noqa: F401
import torch
import transformers.models.bert.modeling_bert  # noqa: F401
import zarr.codecs  # noqa: F401
from transformers.conversion_mapping import get_checkpoint_conversion_mapping

import tests.faults.warm  # noqa: F401

torch.set_num_threads(1)
get_checkpoint_conversion_mapping("bert")  # compiles a thousand patterns
