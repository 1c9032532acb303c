"""`python -m probing.child CONFIG.json`, with `benchmarks` as the working directory; prints JSON."""

import json
import sys
from pathlib import Path

from probing.memory import measure

if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
