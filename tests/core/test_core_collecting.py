"""What is loaded is left out of the search for cycles by the command line, and by it alone."""

import subprocess
import sys

PROGRAM = """
import gc, sys, weakref
from seqbench.core.collecting import keep_loaded

class Node: pass

keep_loaded()
print(gc.get_freeze_count())
keep_loaded(first=True)
before = gc.get_freeze_count()
more = [Node() for _ in range(1000)]
keep_loaded()
print(before > 1000, gc.get_freeze_count() - before >= 1000, gc.isenabled())
ring, alone = Node(), Node()
ring.itself = ring
gone = weakref.ref(ring), weakref.ref(alone), weakref.ref(more[0])
del ring, alone, more
gc.collect()
print([ref() for ref in gone])
"""
OF_COMMANDS = """
import gc, sys
sys.argv = ["seqbench", "--version"]
from seqbench.cli.main import app, main
app(["--version"], standalone_mode=False)
print(gc.get_freeze_count())
try:
    main()
finally:
    print(gc.get_freeze_count() > 1000)
"""


def _shown(program: str) -> list[str]:
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return found.stdout.splitlines()


def test_what_comes_later_is_found_and_what_nobody_holds_is_freed() -> None:
    assert _shown(PROGRAM) == ["0", "True True True", "[None, None, None]"]


def test_only_the_command_line_begins_with_it() -> None:
    version, count, again, frozen = _shown(OF_COMMANDS)
    assert version == again
    assert version.startswith("seqbench ")
    assert (count, frozen) == ("0", "True")


def test_nothing_is_left_when_python_ends() -> None:
    """DuckDB 2.0 writes to stderr which of its own objects were not freed then."""
    program = (
        "import duckdb\nfrom seqbench.core.collecting import keep_loaded\n"
        "keep_loaded(first=True)\nconnection = duckdb.connect()\n"
        "connection.execute('SELECT 1').fetchall()\nkeep_loaded()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    unmended = program.replace(
        "keep_loaded()\n", "keep_loaded()\nimport atexit, gc\natexit.unregister(gc.unfreeze)\n"
    )
    left = subprocess.run([sys.executable, "-c", unmended], capture_output=True, text=True, check=True)
    assert "leaked" in left.stderr
