"""`make audit` ends with 1 for a known weakness, 0 for none and 2 where nobody can be asked."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("pip_audit", reason="needs pip install 'seqbench[audit-tools]'")
sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from audit import EXIT_UNKNOWN, EXIT_WEAK, weaknesses

WEAK = {
    "id": "SEQ-2026-1",
    "summary": "reads what it should not",
    "affected": [
        {
            "package": {"name": "brittle", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.5"}]}],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """Knows one weakness, of `brittle` before 1.5."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = asked["package"]["name"] == "brittle" and asked["version"] == "1.4"
        answer = json.dumps({"vulns": [WEAK]} if known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pins(folder: Path, text: str) -> Path:
    path = folder / "pins.txt"
    path.write_text(text)
    return path


def test_a_known_weakness_is_told(service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert weaknesses(pins(tmp_path, "sound==1.0\nbrittle==1.4\n"), service) == EXIT_WEAK
    told = capsys.readouterr().out
    assert [word in told for word in ("brittle", "SEQ-2026-1", "1.5", "sound")] == [True, True, True, False]


def test_what_has_none_passes(service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert weaknesses(pins(tmp_path, "sound==1.0\nbrittle==1.5\n"), service) == 0
    assert capsys.readouterr().out == "pins.txt: no known weaknesses\n"


def test_nobody_to_ask_is_no_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert weaknesses(pins(tmp_path, "sound==1.0\n"), "http://127.0.0.1:9") == EXIT_UNKNOWN
    assert "advisories can't be asked" in capsys.readouterr().err
