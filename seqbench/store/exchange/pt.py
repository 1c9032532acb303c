"""The reference system's files: `<dataset>-<layer>layer_<split>.pt`, one a layer and split; written only.

They are read by the models package, as `extract` reads them for a model of the kind `precomputed`.
"""

from pathlib import Path

import numpy as np
import torch

from seqbench.store.exchange.base import ExportJob
from seqbench.store.exchange.names import layer_file, whole_file


def files(job: ExportJob) -> list[Path]:
    """Every file that `write` makes."""
    return [
        layer_file(job.folder, job.dataset, layer, split, ".pt")
        for split, layers in job.layers.items()
        for layer in layers
    ]


def write(job: ExportJob) -> None:
    """Write the files of a job; see `WritableFormat.write`. One layer of one split is in memory at a time.

    Each holds `embeddings`, (N, H) float32 or (N, S, H) for several sequences, and `labels` as stored.
    """
    for split, layers in job.layers.items():
        labels = torch.from_numpy(np.array(job.rows[split].labels))
        for layer, array in layers.items():
            rows_NSH = np.empty(array.shape, dtype=np.float32)
            start = 0
            for piece_NSH in job.pieces(split, layer):
                rows_NSH[start : start + len(piece_NSH)] = piece_NSH
                start += len(piece_NSH)
            embeddings = torch.from_numpy(rows_NSH[:, 0] if array.shape[1] == 1 else rows_NSH)
            # Of a path torch would not tell why the system refused it.
            path = layer_file(job.folder, job.dataset, layer, split, ".pt")
            with whole_file(path) as partial, partial.open("wb") as file:
                torch.save({"embeddings": embeddings, "labels": labels}, file)
