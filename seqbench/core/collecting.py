"""What Python's search for objects that hold each other need not look through."""

import atexit
import gc


def keep_loaded(*, first: bool = False) -> None:
    """Leave all objects that there are out of the search for cycles from here on.

    Modules stay for as long as the process does, and are most of the objects of a command that finds nothing
    to do: looking through them again and again is an eighth of what it costs. Objects that are freed as
    nobody holds them are freed as ever.

    Args:
        first: Whether to begin with it, which is for the command line alone: another program's objects are
            its own affair, so without this nothing happens where none was left out before.
    """
    if first or gc.get_freeze_count():
        if not gc.get_freeze_count():
            # Python's last search, at its end, finds them: DuckDB tells on stderr of what is not freed.
            atexit.register(gc.unfreeze)
        gc.freeze()
