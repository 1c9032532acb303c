#!/usr/bin/env bash
# dask-jobqueue 0.9.0: importing it replaces the process's handler of SIGINT. Ctrl-C then ends the program through
# sys.exit() with exit code 0, past every `except KeyboardInterrupt`, though no cluster was started.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dask-jobqueue==0.9.0 distributed==2025.1.0 dask==2025.1.0 2>/dev/null
"$folder/venv/bin/python" - <<'PY'
import signal
from importlib.metadata import version

before = signal.getsignal(signal.SIGINT)
import dask_jobqueue

caught = ""
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    caught = "KeyboardInterrupt"
except SystemExit as error:
    caught = f"SystemExit with code {error.code}"
print(f"dask-jobqueue {version('dask-jobqueue')}: after its import Ctrl-C raises {caught}; handler changed: "
      f"{signal.getsignal(signal.SIGINT) is not before}")
assert caught == "SystemExit with code None"
PY
