"""One Chromium for all tests of the page, and pages that fail on errors and on requests that leave them."""

import os
from urllib.parse import unquote, urlparse

import pytest

from seqbench.report.page.document import render_page
from tests.machine import REAL_PATH, program

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, or a skip that says what is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed")
    found = program(*CHROMIUM)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(CHROMIUM)} is on the PATH")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=found, args=ARGUMENTS, env={**os.environ, "PATH": REAL_PATH}
        )
        yield started
        started.close()


class Opened:
    """Opens pages and remembers what went wrong on them."""

    def __init__(self, browser, folder):
        self.browser, self.folder = browser, folder
        self.contexts, self.faults = [], []

    def __call__(self, analysis, *, width=1280, height=900, scheme="light", at="", **context):
        """Render the analysis, open it as a file, and return the page."""
        file = self.folder / f"page{len(self.contexts)}.html"
        file.write_text(render_page(analysis, files=("tables/board.tsv",)), encoding="utf-8")
        viewport = {"width": width, "height": height}
        made = self.browser.new_context(viewport=viewport, color_scheme=scheme, **context)
        self.contexts.append(made)
        made.set_default_timeout(30_000)
        made.route("**/*", lambda route: self._let_pass(route, file))
        page = made.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("console", lambda message: self._note(message))
        page.on("dialog", lambda dialog: (self.faults.append("a dialog"), dialog.dismiss()))
        page.goto(f"{file.as_uri()}{at}")
        return page

    def _let_pass(self, route, file):
        address = urlparse(route.request.url)
        if address.scheme == "file" and unquote(address.path) == str(file):
            route.continue_()
            return
        self.faults.append(f"asks for {route.request.url}")
        route.abort()

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")


@pytest.fixture
def open_page(browser, tmp_path):
    """A function that shows an analysis; afterwards nothing may have gone wrong on any page."""
    opened = Opened(browser, tmp_path)
    yield opened
    for context in opened.contexts:
        context.close()
    assert opened.faults == []
