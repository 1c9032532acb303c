"""What runs for a day, by proxy: ten thousand blocks and a hundred thousand probes, and nothing grows."""

from pathlib import Path

import numpy as np
import pytest

from tests.catalog.catalog_records import dataset_record, model_record, probe_record, run_record
from tests.data import write_split
from tests.faults.growth import Course, course_of

pytestmark = pytest.mark.faults

BLOCKS, BLOCKS_A_STRETCH = 10_000, 100
PROBES, PROBES_A_STRETCH = 100_000, 1_000


def extract_many(folder: Path, course: Course) -> None:
    """Ten thousand blocks of one item through the whole of extraction."""
    import seqbench.store.layout as layout
    from seqbench.config import load_config
    from seqbench.core.progress import Silent
    from seqbench.schedule.run import run
    from seqbench.store import Embeddings

    layout.BLOCK_ROWS, layout.MANY_BLOCKS = 1, 10**9
    write = Embeddings.write_block
    stretch = course.stretch()
    stretch.__enter__()
    done = 0

    def counting(*given: object) -> None:
        nonlocal done, stretch
        write(*given)  # type: ignore[arg-type]
        done += 1
        if done % BLOCKS_A_STRETCH == 0:
            stretch.__exit__(None, None, None)
            stretch = course.stretch()
            stretch.__enter__()

    Embeddings.write_block = counting  # type: ignore[assignment, method-assign]
    run(load_config(folder / "run.yaml").config, Silent(), "extract")
    assert done >= BLOCKS


def record_many(folder: Path, course: Course) -> None:
    """A hundred thousand probes through what hands records to the catalog."""
    from seqbench.catalog import Catalog
    from seqbench.schedule.pending import Pending

    catalog = Catalog(folder / "catalog.duckdb")
    catalog.append([run_record(), model_record(), dataset_record()])
    pending = Pending(catalog)
    for start in range(0, PROBES, PROBES_A_STRETCH):
        with course.stretch():
            for seed in range(start, start + PROBES_A_STRETCH):
                pending.add([probe_record(seed=seed)])
            pending.flush()


def test_ten_thousand_blocks_take_no_more_memory_handles_or_time_each_than_the_first(tmp_path: Path) -> None:
    write_split(tmp_path / "data" / "gc", "train", items=BLOCKS)
    write_split(tmp_path / "data" / "gc", "test", items=10)
    (tmp_path / "run.yaml").write_text("models: [{kind: kmer, k: 2}]\ndatasets: {root: data}\n")
    course = course_of(extract_many, tmp_path)
    print(f"blocks: {course.told()}")
    assert len(course.seconds) == BLOCKS // BLOCKS_A_STRETCH
    assert_flat(course)


def test_a_hundred_thousand_probes_take_no_more_memory_handles_or_time_each_than_the_first(
    tmp_path: Path,
) -> None:
    course = course_of(record_many, tmp_path)
    print(f"probes: {course.told()}")
    assert len(course.seconds) == PROBES // PROBES_A_STRETCH
    assert_flat(course)


def assert_flat(course: Course) -> None:
    """See that nothing grows; time that grew linearly would make the last tenth some six times the second."""
    first, last = course.ends(course.seconds)
    assert last < 3 * first, course.told()
    assert course.grown_megabytes() < 100, course.told()
    assert max(course.handles[10:]) - min(course.handles[10:]) < 20
    assert np.ptp(course.threads[10:]) < 10
