"""Peak memory of probing a large store: 33 layers x 100,000 items x 1024 wide, within the stated budget."""

import json
import subprocess
import sys
import time
from pathlib import Path

from common.results import Figure

from probing import synthetic
from probing.setting import Setting

LAYERS, ITEMS, WIDTH, BUDGET_GIB = 33, 100_000, 1024, 4.0
BENCHMARKS = Path(__file__).parents[1]


def memory(setting: Setting) -> list[Figure]:
    """One epoch of the MLP on every layer, in a process of its own."""
    folder = setting.folder / "memory"
    splits = {"train": setting.scaled(ITEMS), "eval": setting.scaled(2000), "test": setting.scaled(2000)}
    synthetic.npy_files(folder / "files", layers=LAYERS, items=splits, width=WIDTH)
    made = synthetic.config(
        folder, layers=LAYERS, datasets=1, memory=BUDGET_GIB, heads=["mlp"], mlp={"epochs": 1}
    )
    synthetic.imported(made)
    path = folder / "config.json"
    path.write_text(made.model_dump_json(), encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-m", "probing.child", str(path)],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise RuntimeError(f"probing failed: {found.stderr[-2000:]}")
    measured = json.loads(found.stdout.splitlines()[-1])
    return [
        Figure(
            benchmark="memory",
            what=f"{LAYERS} layers × {splits['train']:,} items × {WIDTH}: peak above the start",
            values=(measured["peak_bytes"] / 1e6,),
            unit="MB",
            target=BUDGET_GIB * 2**30 / 1e6,
            better="less",
            note=f"probe.memory {BUDGET_GIB} GiB; VmHWM of a process less what imports take; MLP, 1 epoch, "
            f"{measured['seconds']:.0f} s",
        )
    ]


def measure(path: Path) -> dict[str, float]:
    """Probe a config in this process: seconds, and peak memory above that after imports."""
    import torch  # noqa: F401 -- imports are not what is measured
    import xgboost  # noqa: F401

    from seqbench.config import Config
    from seqbench.core.progress import Silent
    from seqbench.schedule.run import run

    made = Config.model_validate(json.loads(path.read_text(encoding="utf-8")))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, began = _status("VmRSS"), time.perf_counter()
    outcome = run(made, Silent(), "probe")
    if outcome.failed or outcome.probes != LAYERS:
        raise RuntimeError(f"{outcome.probes} probes, failed: {outcome.failed}")
    return {"seconds": time.perf_counter() - began, "peak_bytes": _status("VmHWM") - before}


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))
