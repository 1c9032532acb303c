"""Each named fault gives the line and the exit code that docs/fault-messages.md shows."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, read
from tests.faults.running import Fault, faults, tell

PAGE = read(DOCS / "fault-messages.md")
SECTION = re.compile(r"^### (.+)\n\n```text\n\$ seqbench (.+)\n(.+)\n```\n\nExit code (\d)\.$", re.MULTILINE)
SHOWN = {match[0].lower(): match for match in SECTION.findall(PAGE)}


@pytest.mark.parametrize("fault", faults(), ids=[fault.about for fault in faults()])
def test_a_fault_gives_the_documented_line(fault: Fault, world: Path) -> None:
    told = tell(fault, world)
    _, command, line, code = SHOWN[fault.about.lower()]
    assert (command, line, int(code)) == (fault.run, told.line, told.exit_code), "run `make docs`"


def test_the_page_shows_at_least_sixty_faults_and_no_other() -> None:
    assert len(faults()) >= 60
    assert list(SHOWN) == [fault.about.lower() for fault in faults()]
