"""`make audit`: a bill of materials with licences, then the pinned packages against known weaknesses.

    python scripts/audit.py [PINS] [--osv-url URL]

The bill is CycloneDX JSON in build/sbom.json and lists what is installed beside this Python. Weaknesses are
asked of PyPI's advisories, or of a service that speaks OSV's protocol, such as https://api.osv.dev/v1/query
or a mirror of it; exits with 1 where one is known, and with 2 where they can't be asked.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
BILL = ROOT / "build" / "sbom.json"
PINS = ROOT / "constraints.txt"
EXIT_WEAK, EXIT_UNKNOWN = 1, 2


def write_bill(path: Path) -> Counter[str]:
    """Write the bill of materials, and count its licences."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--output-format", "JSON"]
    subprocess.run([*command, "--output-file", str(path), sys.executable], check=True)
    parts = json.loads(path.read_text(encoding="utf-8"))["components"]
    return Counter(_licence(part) for part in parts)


def _licence(part: dict[str, list[dict[str, dict[str, str] | str]]]) -> str:
    """A component's licence as its package tells it."""
    for entry in part.get("licenses", []):
        named = entry.get("license", {})
        found = entry.get("expression") or (named.get("id") or named.get("name") if named else None)
        if isinstance(found, str):
            return found.splitlines()[0][:60]
    return "not told"


def weaknesses(pins: Path, osv_url: str | None = None) -> int:
    """Ask for known weaknesses of exact pins, and print them.

    Args:
        pins: A file of requirements with exact versions.
        osv_url: Who is asked instead of PyPI.

    Returns:
        The exit code: 0 where there is none.
    """
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
    # Strict: a package that no advisory can be had for would otherwise count as sound.
    command += ["--strict", "-r", str(pins)]
    if osv_url is not None:
        command += ["--vulnerability-service", "osv", "--osv-url", osv_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stderr.strip().splitlines() or ["pip-audit said nothing"]
    if done.returncode == 0:
        print(f"{pins.name}: no known weaknesses")
        return 0
    if done.stdout.strip():
        print(done.stdout.rstrip())
        return EXIT_WEAK
    print(f"{pins.name}: the advisories can't be asked: {said[-1]}", file=sys.stderr)
    return EXIT_UNKNOWN


def main() -> int:
    """Do both; the bill is written whatever the advisories say."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pins", nargs="?", type=Path, default=PINS, help="other pins than constraints.txt")
    parser.add_argument("--osv-url", help="whom to ask instead of PyPI")
    given = parser.parse_args()
    licences = write_bill(BILL)
    print(f"{BILL.relative_to(ROOT)}: {licences.total()} packages")
    for name, count in licences.most_common():
        print(f"  {count:4} {name}")
    return weaknesses(given.pins, given.osv_url)


if __name__ == "__main__":
    sys.exit(main())
