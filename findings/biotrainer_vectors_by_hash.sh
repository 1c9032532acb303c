#!/usr/bin/env bash
# biotrainer 1.4.0: vectors of residues that were computed elsewhere (`embeddings_file`, HDF5) are not found by the id of
# their sequence, nor by the attribute `original_id`, as files of bio_embeddings and of its own earlier versions are
# laid out. A data set has to be called the SHA-256 of "<sequence>_<its length>", so two ids of one sequence share vectors.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 biotrainer==1.4.0 h5py==3.16.0 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PY' 2>/dev/null
import hashlib
from importlib.metadata import version

import h5py
import numpy as np
from biotrainer.embedders.services.embedding_service import EmbeddingService
from biotrainer.utilities import calculate_sequence_hash

sequence = "MKVLAAGIV"
vectors = np.arange(len(sequence) * 4, dtype=np.float32).reshape(-1, 4)
with h5py.File("by_id.h5", "w") as file:
    file.create_dataset("P1", data=vectors).attrs["original_id"] = "P1"
with h5py.File("by_hash.h5", "w") as file:
    file.create_dataset(hashlib.sha256(f"{sequence}_{len(sequence)}".encode()).hexdigest(), data=vectors)

wanted = [calculate_sequence_hash(sequence)]
try:
    EmbeddingService.load_embeddings("by_id.h5", wanted)
    by_id = "found"
except ValueError as error:
    by_id = str(error)
found = EmbeddingService.load_embeddings("by_hash.h5", wanted)
print(f"biotrainer {version('biotrainer')}: by id and original_id: {by_id}; by the hash of the sequence: "
      f"{tuple(found[wanted[0]].shape)}")
assert "not found" in by_id and tuple(found[wanted[0]].shape) == (9, 4)
PY
