r"""One GPU for each worker of a host, as a preload of Dask's nannies.

    dask worker ADDRESS --name a --nworkers 4 --resources power=5 \
        --preload-nanny seqbench.schedule.executors.one_gpu

Dask numbers the workers of one command, `a-0` to `a-3`; each gets the GPU of its number, of those that the
command sees.
"""

import os
from typing import Any


def dask_setup(nanny: Any) -> None:
    """Called by Dask before a nanny starts its worker."""
    number = str(nanny.name).rpartition("-")[2]
    index = int(number) if number.isdigit() else 0
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    nanny.env["CUDA_VISIBLE_DEVICES"] = seen.split(",")[index] if seen else str(index)
