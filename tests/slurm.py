"""A real SLURM of one node on this machine, in a folder, for a test; nothing is installed or left running."""

import os
import socket
import subprocess
import time
from pathlib import Path

from tests.machine import REAL_PATH, program

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={ctld}
SlurmdPort={slurmd}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
KillWait=2
OverTimeLimit=0
MinJobAge=30
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why there can be no SLURM here; None where there can."""
    absent = [name for name in PROGRAMS if program(name) is None]
    if absent:
        return f"SLURM is not installed ({', '.join(absent)}): apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "SLURM's daemons have to be started as root"


class Slurm:
    """munged, slurmctld and slurmd, for a `with` block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self._daemons: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Slurm":
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 - 1024
        host = socket.gethostname().partition(".")[0]
        self.conf.write_text(
            CONF.format(
                folder=self.folder,
                host=host,
                ctld=_free_port(),
                slurmd=_free_port(),
                cpus=os.cpu_count(),
                memory=memory,
            )
        )
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self.folder.chmod(0o755)
        files = {"socket": "socket", "pid-file": "pid", "log-file": "log"}
        munge = [f"--{option}={self.folder}/munge.{name}" for option, name in files.items()]
        munge += [f"--key-file={key}", f"--seed-file={self.folder}/munge.seed", "--foreground", "--force"]
        self._start("munged", *munge)
        _until(lambda: (self.folder / "munge.socket").exists())
        self._start("slurmctld", "-D", "-f", self.conf)
        self._start("slurmd", "-D", "-f", self.conf, "-N", host)
        _until(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"))
        return self

    def _start(self, *command: object) -> None:
        log = (self.folder / f"{command[0]}.out").open("wb")
        found = program(str(command[0]))
        assert found
        self._daemons.append(
            subprocess.Popen(
                [found, *map(str, command[1:])], stdout=log, stderr=log, env=os.environ | self.environment
            )
        )

    @property
    def environment(self) -> dict[str, str]:
        """What SLURM's commands need to find it."""
        return {"SLURM_CONF": str(self.conf), "PATH": REAL_PATH}

    def ask(self, *command: str) -> str:
        """What one of SLURM's commands prints."""
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | self.environment, check=False
        )
        return done.stdout + done.stderr

    def __exit__(self, *error: object) -> None:
        subprocess.run(
            ["scancel", "--user=root"], env=os.environ | self.environment, check=False, capture_output=True
        )
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _until(true: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        if time.monotonic() > end:
            raise TimeoutError("SLURM did not start")
        time.sleep(0.2)
