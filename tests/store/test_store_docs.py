"""docs/store.md against the code: its examples run one after the other, its layout is what is written."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import zarr
from typer.testing import CliRunner

from seqbench.cli.main import app
from seqbench.store import Store, create_store
from tests.store.filled import fill, rows

TEXT = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
NOT_RUN = re.compile(r"<!-- not run: .*? -->\n```\w+\n.*?```", flags=re.DOTALL)
RUN = NOT_RUN.sub("", TEXT)
"""The page without the blocks that it says are not run; tests of single tokens run what those show."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    made = create_store("embeddings.zarr")
    fill(made, model="dna-bert", dataset="promoters", dtype="float16")
    return made


def test_the_python_of_the_documentation_runs(store: Store) -> None:
    pytest.importorskip("xarray")
    pytest.importorskip("dask.array")
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", RUN, flags=re.DOTALL):
        exec(block, names)
    stored = rows(2, "train", model="dna-bert").astype(np.float16)
    np.testing.assert_array_equal(names["rows"], stored)
    np.testing.assert_array_equal(names["few"], stored[[3, 17, 4], 0])
    np.testing.assert_allclose(names["mean"], stored.astype(np.float32).mean(axis=0), rtol=1e-4, atol=1e-6)
    assert names["by_class"].sizes == {"layer": 2, "label": 2, "seq": 1, "hidden": 8}
    np.testing.assert_array_equal(names["embeddings"], stored)  # the last block, by plain Zarr
    assert names["complete"]


def test_the_commands_of_the_documentation_run(store: Store) -> None:
    pytest.importorskip("pyarrow")
    for block in re.findall(r"```bash\n(.*?)```", RUN, flags=re.DOTALL):
        for line in block.strip().splitlines():
            done = CliRunner().invoke(app, shlex.split(line, comments=True)[1:])
            assert done.exit_code == 0, f"{line}: {done.output}"
    assert Path("other.zarr/dna-bert/promoters/2/train").is_dir()
    assert not Path("embeddings.zarr/dna-bert/promoters/0").exists()


def test_everything_in_a_store_is_in_the_documented_layout(store: Store) -> None:
    layout = TEXT[TEXT.index("embeddings.zarr/    ") : TEXT.index("Without seqbench")]
    written = zarr.open_group("embeddings.zarr/dna-bert/promoters", mode="r")
    for name in {path.split("/")[0] for path, _ in written.members(max_depth=None)}:
        assert name.isdigit() or f"{name}/<split>" in layout, name
    told = layout[: layout.index("```")]
    assert all(key in told for key in ("task", "classes", "settings", "versions", "dtype", "notes"))


def test_every_option_of_the_commands_is_documented() -> None:
    from typer.main import get_command

    commands = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    for command in get_command(app).commands["store"].commands.values():  # type: ignore[attr-defined]
        for option in (name for each in command.params for name in each.opts if name.startswith("--")):
            assert option in TEXT + commands, f"{command.name} {option}"
