"""Peak memory of preparing many cells and training on them, against few."""

import subprocess
import sys
from pathlib import Path

from common.results import Figure

from perturbing import synthetic
from perturbing.setting import Setting

FEW, MANY, GENES = 50_000, 1_000_000, 2000
BENCHMARKS = Path(__file__).parents[1]
CHILD = """
import sys
from pathlib import Path
import torch
from perturbing import synthetic
from seqbench.config.perturb import StateTransitionConfig
from seqbench.perturb.sets import SetSource
from seqbench.perturb.state_transition import fit_state_transition

experiment = synthetic.experiment(Path(sys.argv[1]), Path(sys.argv[1]).parent)
source = SetSource(effects=experiment.effects, features=synthetic.features(), batch=experiment.cells.batch,
                   embedding=None, set_size=64, seed=0)
settings = StateTransitionConfig(hidden=128, steps=30, val_every=30, checkpoint_steps=None)
fit_state_transition(source, settings, checkpoint=None, device=torch.device("cpu"),
                     advance=lambda share: None, note=lambda text: None)
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


def memory(setting: Setting) -> list[Figure]:
    """Normalise, lay out, measure, and 30 steps of `st`, each number of cells in a process of its own."""
    peaks = {count: _peak(setting, setting.scaled(count)) for count in (FEW, MANY)}
    return [
        Figure(
            benchmark="memory",
            what=f"{MANY:,} cells × {GENES:,} genes: peak against {FEW:,} cells",
            values=(peaks[MANY] / peaks[FEW],),
            unit="×",
            target=1.2,
            better="less",
            note=f"VmHWM of the whole process: {peaks[FEW]:.0f} MB and {peaks[MANY]:.0f} MB",
        )
    ]


def _peak(setting: Setting, n_cells: int) -> float:
    path = setting.folder / f"{n_cells}.h5ad"
    synthetic.write(path, n_cells, GENES)
    found = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], cwd=BENCHMARKS, capture_output=True, text=True, check=False
    )
    path.unlink()
    if found.returncode:
        raise RuntimeError(f"training failed: {found.stderr[-2000:]}")
    return int(found.stdout.split()[-1]) * 1024 / 1e6
