"""docs/audit.md against the code: its examples run, its thresholds and keys are those in use."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from seqbench.audit.settings import THRESHOLDS
from tests.audit.making import dna_items, write
from tests.command import seqbench

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    for name in ("leaky", "splice_sites_all"):
        made = [{**item, "chrom": f"chr{n % 9 + 1}", "start": 60 * n, "end": 60 * n + 60, "family": n // 4}
                for n, item in enumerate(dna_items(rng, 90))]  # fmt: skip
        write(Path("data") / name, {"train": made[:60], "eval": made[60:75], "test": made[75:]})
    write(Path(), {"all": made})
    Path("run.yaml").write_text("models: [{kind: kmer, k: 2}]\ndatasets: {root: data}\n", encoding="utf-8")
    lines = "".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).splitlines()
    assert len(lines) == 11
    for line in lines:
        shown = seqbench(*shlex.split(line)[1:])
        assert shown.exit_code == 0, f"{line}\n{shown.output}"
    keys = json.loads(Path("audit/splice_sites_all/items.jsonl").read_text().splitlines()[0])
    table = PAGE.split("## What `--out` holds")[1].split("## ")[0]
    documented = {
        key for row in table.splitlines() if row.startswith("| `") for key in re.findall("`([a-z_]+)`", row)
    }
    assert documented == set(keys)


def test_the_thresholds_are_those_in_use() -> None:
    for check, limits in THRESHOLDS.items():
        row = next(row for row in PAGE.splitlines() if row.startswith("| ") and check in row.split("|")[1])
        yellow, red = row.split("|")[-3:-1]
        assert limits.red is None or f"{100 * limits.red:g} %" in red, check
        assert limits.yellow == 0 or f"{100 * limits.yellow:g} %" in yellow, check
        assert limits.yellow > 0 or yellow.strip() == "any"
        assert limits.red is not None or red.strip() == "–"
