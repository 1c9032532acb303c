"""Links between pages lead somewhere, and every page is on the site."""

from pathlib import Path

import pytest
import yaml

from tests.docs.pages import DOCS, PAGES, ROOT, anchors, links, read


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    missing = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        if not other.exists() or (anchor and anchor not in anchors(other)):
            missing.append(target)
    assert missing == []


def test_pages_of_the_site_link_to_nothing_outside_it() -> None:
    of_the_site = [page for page in PAGES if page.parent == DOCS]
    outside = [target for page in of_the_site for target in links(page) if target.startswith("../")]
    assert outside == []


def test_every_page_is_in_the_navigation_once() -> None:
    def pages(entries: object) -> list[str]:
        if isinstance(entries, str):
            return [entries]
        parts = entries.values() if isinstance(entries, dict) else entries
        return [page for part in parts for page in pages(part)]  # type: ignore[attr-defined]

    listed = pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(listed) == sorted(page.name for page in DOCS.glob("*.md"))


def test_the_readme_links_every_page() -> None:
    pages = {f"docs/{page.name}" for page in DOCS.glob("*.md")} - {"docs/index.md"}
    assert pages <= set(links(ROOT / "README.md"))


def test_pages_load_nothing_from_outside() -> None:
    assert not [page.name for page in PAGES if "<script" in read(page) or "![](http" in read(page)]
