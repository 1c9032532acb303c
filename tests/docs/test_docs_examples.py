"""Examples in the documentation run: commands, Python, SQL and configs of a page, one after the other."""

import shutil
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, blocks
from tests.docs.running import LANGUAGES, run
from tests.docs.world import make_world

NOT_RUN = 13
"""Most blocks that may carry `<!-- not run: … -->`."""

ELSEWHERE = {"audit.md", "import.md"}
"""Their examples need files of their own: tests/audit and tests/datasets run them."""


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        make_world(folder)
    return folder


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks(page) and page.name not in ELSEWHERE],
    ids=lambda page: page.name,
)
def test_the_examples_of_a_page_run_in_its_order(
    page: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(world, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "documentation"}
    faults = [fault for block in blocks(page) if block.not_run is None for fault in run(block, names)]
    assert faults == []


def test_every_block_says_what_it_is() -> None:
    unknown = [block.place for page in PAGES for block in blocks(page) if block.language not in LANGUAGES]
    assert unknown == []
    signatures = {block.page.name for page in PAGES for block in blocks(page) if block.language == "py"}
    assert signatures == {"api.md"}


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    left_out = [block for page in PAGES for block in blocks(page) if block.not_run]
    assert len(left_out) <= NOT_RUN
