"""The program that collects the residues of one HDF5 file; see `residues_reading`."""

import json
import sys
from pathlib import Path

from seqbench.errors import StoreError
from seqbench.store.exchange.h5ad_trial import limit_memory
from seqbench.store.exchange.residues_reading import collect


def main(path: Path, scratch: Path) -> int:
    """Collect the ids on standard input; print what was found, or why not. Exit code 2 is for that."""
    limit_memory(path)
    try:
        found = collect(path, json.load(sys.stdin), scratch)
    except StoreError as error:
        sys.stdout.write(str(error))
        return 2
    json.dump({"places": dict(found.places), "hidden": found.hidden}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
