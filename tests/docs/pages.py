"""The documentation as data: its pages, their headings, links and fenced blocks."""

import re
import textwrap
import unicodedata
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```[ ]*$", re.DOTALL | re.MULTILINE
)
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    """Number of its first line of content, from 1."""
    language: str
    title: str | None
    """Name of the file that it shows."""
    not_run: str | None
    """Why it can't be run, as the comment above it says."""
    text: str

    @property
    def place(self) -> str:
        """Page and line, as editors open them."""
        return f"{self.page.name}:{self.line}"


def read(page: Path) -> str:
    """The Markdown of a page."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text, found = read(page), []
    for match in _FENCE.finditer(text):
        language, _, rest = match["info"].strip().partition(" ")
        title = re.search(r'title="([^"]+)"', rest)
        reason = _NOT_RUN.search(text[: match.start()])
        found.append(
            Block(
                page=page,
                line=text[: match.start("text")].count("\n") + 1,
                language=language,
                title=title[1] if title else None,
                not_run=reason[1] if reason else None,
                text=textwrap.dedent(match["text"]),
            )
        )
    return found


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", read(page))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as Python-Markdown makes them, and explicit ones."""
    text = prose(page)
    found: set[str] = set(re.findall(r'\bid="([^"]+)"', text))
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", text, re.MULTILINE):
        explicit = re.search(r"\{ *#([\w-]+) *\}$", heading)
        slug = explicit[1] if explicit else _slug(heading)
        number, unique = 1, slug
        while unique in found:
            unique, number = f"{slug}_{number}", number + 1
        found.add(unique)
    return found


def _slug(heading: str) -> str:
    """Python-Markdown's rule, on a heading without its markup."""
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def links(page: Path) -> list[str]:
    """The targets of a page's links that stay in the repository."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page)) + re.findall(r'(?:href|src)="([^"]+)"', prose(page))
    return [target for target in found if not re.match(r"(https?|mailto):", target)]
