"""One extraction in a process of its own, as peak memory belongs to a process.

`python -m extraction.child JOB.json`, with `benchmarks` on the path; prints what it measured as JSON.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from extraction.engine import Job, extract, token_budget

BENCHMARKS = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What an extraction took in a process of its own."""

    seconds: float
    """Without loading and calibration."""
    peak_bytes: int
    """Largest resident memory since the model had been loaded; imports and the model are part of it."""
    loaded_bytes: int
    """Resident memory when the model had just been loaded."""
    budget: str

    @property
    def above_model(self) -> int:
        """Bytes that extracting took beside imports and model."""
        return self.peak_bytes - self.loaded_bytes


def measure(job: Job) -> Measured:
    """Extract in a new process.

    Raises:
        RuntimeError: It failed; with the end of what it wrote to standard error.
    """
    path = job.out.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(job), default=str), encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-m", "extraction.child", str(path)],
        cwd=BENCHMARKS,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(BENCHMARKS), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise RuntimeError(f"the extraction of {job.dataset} failed: {found.stderr[-2000:]}")
    return Measured(**json.loads(found.stdout.splitlines()[-1]))


def main() -> None:
    """Extract the job of the first argument."""
    fields = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    paths = {key: Path(fields.pop(key)) for key in ("model", "dataset", "out")}
    job = Job(**paths, **fields)
    took = extract(job)
    measured = Measured(
        seconds=took.seconds,
        peak_bytes=took.peak_bytes,
        loaded_bytes=took.loaded_bytes,
        budget=token_budget(job),
    )
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    main()
