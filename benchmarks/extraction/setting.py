"""What every benchmark is given: where to work, how long, on which device."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import common.setting
import torch

from extraction.engine import Job
from extraction.sequences import write_dataset
from extraction.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(common.setting.Setting):
    """One run of the benchmarks."""

    device: torch.device
    dtypes: tuple[str, ...]
    """In which the contenders compute, where a benchmark compares them."""
    sequences: int | None
    """Sequences of such a comparison; None for enough to last about 10 s a turn."""

    def job(
        self,
        name: str,
        shape: Shape,
        sequences: Sequence[str] | None = None,
        *,
        data: str | None = None,
        dtype: str = "bfloat16",
        **extract: Any,
    ) -> Job:
        """A model on a data set, both written.

        Args:
            name: Folder of the results.
            shape: The model's; one of the same shape is made once.
            sequences: The data set's; None where it was written for an earlier job.
            data: The data set's folder; `name` by default.
            dtype: In which the model computes.
            **extract: Keys of the section `extract`.
        """
        dataset = self.folder / "data" / (data or name)
        if sequences is not None:
            write_dataset(dataset, sequences)
        sizes = [size for size in astuple(shape) if size is not None]
        return Job(
            model=shape.save(self.folder / "models" / "-".join(map(str, sizes))),
            dataset=dataset,
            out=self.folder / "results" / name,
            dtype=dtype,
            extract=extract,
        )

    def say(self, text: str) -> None:
        """Tell how far things are."""
        self.console.print(text, highlight=False, markup=False)
