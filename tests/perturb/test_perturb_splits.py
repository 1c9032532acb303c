"""What is held out is in no cell of train; splits from columns and the community's files are read as they
are."""

from pathlib import Path

import anndata
import pytest

from seqbench.errors import ConfigError, DataError
from seqbench.perturb.cells import Cells, open_cells
from seqbench.perturb.splits import hold_out, split_of_column, split_of_toml
from tests.perturb.conftest import COLUMNS
from tests.perturb.planted_cells import write_cells

TOML = """
[datasets]
kang = "/data/kang"
[training]
kang = "train"
[zeroshot]
"kang.b" = "test"
[fewshot."kang.a"]
val = ["G1"]
test = ["G2", "G3"]
"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Cells:
    path = tmp_path_factory.mktemp("cells") / "cells.h5ad"
    write_cells(path, n_perturbations=10, n_cells=3, contexts=("a", "b", "c"))
    return open_cells(path, COLUMNS)


def test_held_out_perturbations_are_in_no_context_of_train(cells: Cells) -> None:
    roles = hold_out(cells, "perturbations", share=0.2, few=1, seed=1)
    train, held = (set(roles.perturbations(split)) for split in ("train", "test"))
    assert (len(train), len(held), len(roles.perturbations("eval"))) == (6, 2, 2)
    assert not train & held
    assert roles.by_pair == hold_out(cells, "perturbations", share=0.2, few=1, seed=1).by_pair


def test_held_out_contexts_are_seen_by_their_controls_alone_and_few_shot_by_some_perturbations(
    cells: Cells,
) -> None:
    roles = hold_out(cells, "contexts", share=0.3, few=1, seed=0)
    contexts = [{context for _, context in roles.pairs(split)} for split in ("train", "eval", "test")]  # type: ignore[arg-type]
    assert [len(found) for found in contexts] == [1, 1, 1]
    few = hold_out(cells, "few-shot", share=0.3, few=4, seed=0)
    (test_context,) = {context for _, context in few.pairs("test")}
    assert len([pair for pair in few.pairs("train") if pair[1] == test_context]) == 4
    with pytest.raises(ConfigError, match=r"perturb\.splits\.few is 10, but context"):
        hold_out(cells, "few-shot", share=0.3, few=10, seed=0)


def test_combinations_can_only_be_held_out_where_there_are_some(cells: Cells) -> None:
    with pytest.raises(ConfigError, match=r"hold_out: combinations needs at least 2 of them"):
        hold_out(cells, "combinations", share=0.2, few=1, seed=0)


def test_a_toml_file_of_the_community_is_read_as_it_is(cells: Cells, tmp_path: Path) -> None:
    path = tmp_path / "split.toml"
    path.write_text(TOML)
    roles = split_of_toml(cells, path, "kang")
    assert set(roles.pairs("test")) == {("G2", "a"), ("G3", "a")} | {
        (f"G{number}", "b") for number in range(10)
    }
    assert roles.pairs("eval") == [("G1", "a")]
    assert ("G2", "c") in roles.pairs("train")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"kang.b"', '"kang.x"', "names context 'x', which the cells lack; they have a, b, c"),
        ('"G1"', '"G99"', "names 'G99', of which context a has no cells"),
        ("val = [", "dev = [", "holds 'dev'; it takes lists named train, val and test"),
        ('"test"', '"later"', "is 'later'; it must be val or test"),
        ("[training]", "[training", "is no TOML"),
        ("kang", "other", "does not speak of data set 'kang' (perturb.data.name); it names other"),
    ],
)
def test_a_toml_file_that_does_not_fit_is_one_line(
    old: str, new: str, line: str, cells: Cells, tmp_path: Path
) -> None:
    path = tmp_path / "split.toml"
    path.write_text(TOML.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        split_of_toml(cells, path, "kang")
    assert line in str(caught.value)


def test_a_column_may_not_tear_cells_of_one_perturbation_apart(cells: Cells, tmp_path: Path) -> None:
    data = anndata.read_h5ad(cells.path)
    words = {"none": "control", "G4": "val"}
    said = [words.get(gene, "train") for gene in data.obs["gene"]]
    data.obs["split"] = said
    data.write_h5ad(tmp_path / "cells.h5ad")
    roles = split_of_column(open_cells(tmp_path / "cells.h5ad", COLUMNS), "split")
    assert roles.perturbations("eval") == ["G4"]
    said[data.obs["gene"].tolist().index("G5")] = "test"
    data.obs["split"] = said
    data.write_h5ad(tmp_path / "cells.h5ad")
    with pytest.raises(DataError, match=r"puts cells of G5 in a into test and train"):
        split_of_column(open_cells(tmp_path / "cells.h5ad", COLUMNS), "split")
