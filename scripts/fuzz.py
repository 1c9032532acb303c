"""Fuzz one kind of file with Atheris, guided by coverage: `python scripts/fuzz.py "fasta" 120`.

The kinds are those of tests/fuzz/subjects.py; without any all are listed. Atheris changes the bytes of the
file; what breaks is left as `crash-…` in the current folder. Needs `pip install seqbench[fuzz]`, for which
Atheris has wheels on Linux.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main(name: str, seconds: int) -> None:
    """Fuzz for so many seconds."""
    import atheris

    with atheris.instrument_imports(include=["seqbench"]):
        from tests.fuzz.checking import check
        from tests.fuzz.subjects import SUBJECTS, copy_of
        from tests.fuzz.world import make_world

        subject, scratch = SUBJECTS[name], Path(tempfile.mkdtemp(prefix="seqbench-fuzz-"))
        world, corpus = make_world(scratch / "world"), scratch / "corpus"  # imports what commands load late
    corpus.mkdir()
    for number, each in enumerate(copy_of(world, subject, scratch / "first")):
        (corpus / str(number)).write_bytes((world / each).read_bytes())

    def once(content: bytes) -> None:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            names = copy_of(world, subject, Path(folder))
            path = Path(folder) / names[len(content) % len(names)]
            path.write_bytes(content)
            check(subject, Path(folder), str(path.relative_to(folder)))

    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-rss_limit_mb=8000", str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(sys.argv[1], int(sys.argv[2]))
    else:
        from tests.fuzz.subjects import SUBJECTS

        sys.stdout.write("\n".join(SUBJECTS) + "\n")
