"""Jobs of SLURM: the script, and a whole run on a real one."""

import sys
from pathlib import Path

import pytest

from seqbench.catalog import Catalog
from seqbench.config import load_config
from seqbench.config.schedule import ScheduleConfig
from seqbench.schedule.executors.slurm import job_script
from tests.command import seqbench
from tests.data import write_split
from tests.processes import Marked, until
from tests.slurm import Slurm, missing

CONFIG = """
models: [{kind: kmer, k: 3}]
datasets: {root: data}
probe: {heads: [linear, knn]}
schedule:
  {cluster: slurm, workers: 2, cpus: 1, memory: 2GB, walltime: "00:10:00", power_per_gpu: 2,
   extract_power: 1, probe_power: 1, shard_items: 50}
"""


def test_the_script_asks_for_what_the_config_says_and_its_workers_leave_before_the_walltime() -> None:
    schedule = ScheduleConfig(
        cluster="slurm",
        partition="gpu",
        account="team",
        gpus_per_node=4,
        gpu_type="a100",
        cpus=32,
        memory="256GB",
        walltime="1-00:00:00",
        constraint="a100|h100",
        requeue=True,
        extra=("--qos=long",),
    )
    lines = job_script(schedule, "/shared/slurm-logs").splitlines()
    for line in (
        "#SBATCH -p gpu",
        "#SBATCH -A team",
        "#SBATCH --cpus-per-task=32",
        "#SBATCH --mem=239G",
        "#SBATCH -t 1-00:00:00",
        "#SBATCH --gres=gpu:a100:4",
        '#SBATCH --constraint="a100|h100"',
        "#SBATCH --requeue",
        "#SBATCH --qos=long",
        "#SBATCH --output=/shared/slurm-logs/%x-%j.log",
        "export OMP_NUM_THREADS=8",
    ):
        assert line in lines
    worker = lines[-1]
    assert "--nworkers 4 " in worker
    assert "--resources power=5" in worker
    assert "--preload-nanny seqbench.schedule.executors.one_gpu" in worker
    assert "--lifetime 82080s --lifetime-stagger 2160s" in worker  # a twentieth of the day is kept free


def test_the_only_worker_of_a_job_has_the_gpu_that_the_job_got() -> None:
    schedule = ScheduleConfig(cluster="slurm", gpus_per_node=1, memory="32GB")
    script = job_script(schedule, "/shared/slurm-logs")
    assert "#SBATCH --gres=gpu:1" in script
    assert "one_gpu" not in script  # by its name, `<cluster>-3`, it would take the fourth GPU


def test_the_script_is_printed_and_nothing_runs(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(CONFIG)
    shown = seqbench("plan", tmp_path / "run.yaml", "--slurm-script")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("#!")
    assert [path.name for path in tmp_path.iterdir()] == ["run.yaml"]
    other = seqbench("plan", tmp_path / "run.yaml", "--slurm-script", "--set", "schedule={workers: 1}")
    assert other.exit_code == 2
    assert "schedule.cluster is not slurm" in other.stderr


@pytest.mark.slow
def test_a_run_on_slurm_survives_a_cancelled_job_and_leaves_no_job(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    for split in ("train", "eval", "test"):
        write_split(tmp_path / "data" / "gc", split, items=300)
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG)
    with Slurm(tmp_path / "slurm") as slurm, pytest.MonkeyPatch.context() as patch:
        for name, value in slurm.environment.items():
            patch.setenv(name, value)
        # Its workers are processes of `dask worker`, which know nothing of smaller blocks.
        running = Marked(sys.executable, "-c", "from seqbench.cli.main import main; main()", "run", path)
        try:
            assert until(lambda: "R" in slurm.ask("squeue", "-h", "-o", "%t"))
            first = slurm.ask("squeue", "-h", "-t", "R", "-o", "%i").split()[0]
            assert until(lambda: "Registered" in log(tmp_path, first))
            slurm.ask("scancel", first)
            code, out = running.ends(300)
            assert code == 0, out
            assert until(lambda: slurm.ask("squeue", "-h") == "", 30)
        finally:
            running.clean_up()
    config = load_config(path).config
    assert Catalog(config.catalog).query("SELECT count(*) FROM probes WHERE status = 'ok'").rows == [(2,)]


def log(folder: Path, job: str) -> str:
    """What a job has written."""
    found = list((folder / "slurm-logs").glob(f"*-{job}.log"))
    return found[0].read_text(encoding="utf-8") if found else ""
