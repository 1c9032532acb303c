"""The valid world in which faults are made, made once."""

from tests.fuzz.conftest import world

__all__ = ["world"]
