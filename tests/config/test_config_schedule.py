"""The section `schedule`: what fits together, and one line for what does not."""

from pathlib import Path

import pytest

from seqbench.config import load_config, to_yaml
from seqbench.errors import ConfigError

BASE = "models: [{kind: kmer}]\ndatasets: {root: data}\nschedule: "
SLURM = "cluster: slurm, memory: 8GB"


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("{cluster: slrum}", "schedule.cluster: must be local, slurm, or a scheduler's address such as"),
        ("{extract_power: 6}", "schedule.extract_power: is more than power_per_gpu, 5: it would never start"),
        ("{cpus: 4}", "schedule.cpus: is for `cluster: slurm` alone"),
        ("{cluster: slurm}", "schedule.memory: is missing: the memory of a SLURM job"),
        ("{cluster: slurm, memory: much}", "schedule.memory: must be an amount such as 32GB"),
        (f"{{{SLURM}, walltime: soon}}", "schedule.walltime: must be a time such as 12:00:00 or 2-00:00:00"),
        ("{cluster: tls://a:1}", "schedule.tls: is missing: a scheduler at tls://… needs ca, cert and key"),
        ("{cluster: tcp://a:1, gpus: [0]}", "schedule.gpus: is for `cluster: local` alone"),
        ("{tls: {ca: a.pem}}", "schedule.tls: needs all of ca, cert and key"),
        ("{gpus: [0, 0]}", "schedule.gpus: must be all, or a list of distinct GPU numbers"),
        ("{worker: 2}", "schedule.worker: unknown key; did you mean workers?"),
    ],
)
def test_what_can_not_be_meant_is_one_line(tmp_path: Path, section: str, says: str) -> None:
    (tmp_path / "run.yaml").write_text(BASE + section)
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path / "run.yaml")
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_time_that_yaml_reads_as_a_number_is_the_time_that_was_written(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(BASE + f"{{{SLURM}, walltime: 1:30:00}}")
    assert load_config(tmp_path / "run.yaml").config.schedule.walltime == "01:30:00"


def test_certificates_lie_beside_the_config_and_survive_writing(tmp_path: Path) -> None:
    section = '{cluster: "tls://a:1", tls: {ca: ca.pem, cert: /x/cert.pem, key: key.pem}}'
    (tmp_path / "run.yaml").write_text(BASE + section)
    config = load_config(tmp_path / "run.yaml").config
    assert (config.schedule.tls.ca, config.schedule.tls.cert) == (tmp_path / "ca.pem", Path("/x/cert.pem"))
    (tmp_path / "again.yaml").write_text(to_yaml(config, tmp_path))
    assert load_config(tmp_path / "again.yaml").config == config
