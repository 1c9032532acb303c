"""The folds of a cross-validation put together: out-of-fold predictions, and the folds' mean on what is left.

Each fold leaves what it predicts in its folder, so that no model is opened for it again.

Shape letters: R rows (items, or letters), O outputs of all targets.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.records import ProbeRecord
from seqbench.core.types import SplitName
from seqbench.errors import ModelError, TrainingError, said
from seqbench.finetune.folder import FineTunedFacts, read_facts
from seqbench.finetune.job import Job
from seqbench.finetune.records import judged, records_of
from seqbench.finetune.scored import Scored

PREDICTIONS = "predictions.safetensors"


def write_predictions(folder: Path, scored: Mapping[SplitName, Scored]) -> None:
    """Keep what a fold predicts, by the split that scores go under, in its folder."""
    from safetensors.numpy import save_file

    tensors: dict[str, NDArray[Any]] = {f"{split}.rows": each.rows_R for split, each in scored.items()}
    tensors |= {f"{split}.predictions": each.predictions_RO for split, each in scored.items()}
    sources = json.dumps({split: each.source for split, each in scored.items()})
    save_file(
        {name: np.ascontiguousarray(values) for name, values in tensors.items()},
        folder / PREDICTIONS,
        {"sources": sources},
    )


def read_predictions(folder: Path) -> dict[SplitName, Scored]:
    """Read what a fold predicts.

    Raises:
        ModelError: The file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / PREDICTIONS
    try:
        with safe_open(path, framework="numpy") as file:
            sources: dict[SplitName, SplitName] = json.loads((file.metadata() or {})["sources"])
            return {
                split: Scored(
                    rows_R=file.get_tensor(f"{split}.rows"),
                    predictions_RO=file.get_tensor(f"{split}.predictions"),
                    source=source,
                )
                for split, source in sources.items()
            }
    except (OSError, SafetensorError, ValueError, LookupError) as error:
        raise ModelError(
            f"{path}: can't be read as the predictions of a fold: {said(error)} (remove the folder, and the "
            "fold is trained anew)"
        ) from error


def pooled(folds: Sequence[Mapping[SplitName, Scored]]) -> dict[SplitName, Scored]:
    """What folds predict together.

    Args:
        folds: What each predicts, in the order of the folds. The items that a fold held out are its `train`,
            or its `eval` where there is no eval split.

    Returns:
        Each item of train as the fold predicts it that did not learn from it, rows ascending, and of every
        other split the mean over the folds, of probabilities or values.
    """
    out_of_fold: SplitName = "train" if "train" in folds[0] else "eval"
    found: dict[SplitName, Scored] = {}
    for split, first in folds[0].items():
        said_by = [fold[split].predictions_RO for fold in folds]
        if split == out_of_fold:
            rows_R = np.concatenate([fold[split].rows_R for fold in folds])
            order_R = np.argsort(rows_R)
            rows_R, predictions_RO = rows_R[order_R], np.concatenate(said_by)[order_R]
        else:
            rows_R = first.rows_R
            predictions_RO = np.asarray(np.mean(said_by, axis=0, dtype=np.float64), dtype=np.float32)
        found[split] = Scored(rows_R=rows_R, predictions_RO=predictions_RO, source=first.source)
    return found


def pool(job: Job, keys: Sequence[str]) -> list[ProbeRecord]:
    """Score the folds of a cross-validation as one: out of fold, and their mean on test.

    Args:
        job: Of all folds together.
        keys: Of each fold's training.

    Raises:
        TrainingError: A fold was not trained.
        ModelError: The predictions of one can't be read.
    """
    folders = [job.config.out / design.folder for design in job.design.each_fold()]
    facts = [_facts(*each) for each in zip(range(len(keys)), folders, keys, strict=True)]
    scored = pooled([read_predictions(folder) for folder in folders])
    targets = job.targets()
    out_of_fold = scored.get("train", scored["eval"])
    known_R = np.any([each.known(out_of_fold.source)[out_of_fold.rows_R] for each in targets], axis=0)
    return records_of(
        job.design,
        targets,
        job.specs,
        judged(targets, scored, job.config.threshold),
        n_layers=facts[0].layer + 1,
        run_id=job.run_id,
        n_train=int(known_R.sum()),
        seconds=sum(each.training["seconds"] for each in facts),
        device=str(facts[0].training["device"]),
    )


def _facts(fold: int, folder: Path, key: str) -> FineTunedFacts:
    try:
        facts = read_facts(folder)
    except ModelError as error:
        raise TrainingError(f"fold {fold} was not trained, so there are no folds to put together") from error
    if facts.key != key:
        raise TrainingError(
            f"fold {fold} was not trained, so there are no folds to put together ({folder} is of another one)"
        )
    return facts
