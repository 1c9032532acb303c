"""What the fork server imports and does once, so that its children need not; it starts no threads.

Imported by the server alone: it sets the number of threads for the whole process.
"""

import os
from importlib import import_module

os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

for name in (
    "duckdb",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "pytest",
    "seqbench.cli.main",
    "seqbench.probe.heads.knn",
    "seqbench.probe.heads.linear",
    "seqbench.probe.heads.mlp.head",
    "seqbench.report.write",
    "seqbench.schedule.run",
    "sklearn.linear_model",
    "tests.faults.warm",
    "transformers.models.bert.modeling_bert",
    "zarr.codecs",
):
    import_module(name)

import_module("torch").set_num_threads(1)
# Compiles a thousand patterns.
import_module("transformers.conversion_mapping").get_checkpoint_conversion_mapping("bert")
