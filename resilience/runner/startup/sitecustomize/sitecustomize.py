# noqa: INP001  # no package: PYTHONPATH names this very folder, so that Python finds the file by its name
"""
Start the runner in every Python of ``resilience run``.

First it removes its folder from ``sys.path`` and imports the ``sitecustomize`` that Python
would have found without it. Then it starts the runner, if this Python belongs to the
installation of the command.

The script may start any Python, also an old one, so this file has no syntax newer than
Python 3.6. Without the variable RESILIENCE_RUN it does nothing.
"""

import os
import sys

# No pathlib: its import would be most of the cost of this file in a Python outside any run.
_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
sys.path[:] = [_entry for _entry in sys.path if os.path.abspath(_entry) != _FOLDER]  # noqa: PTH100
sys.path_importer_cache.pop(_FOLDER, None)


def _note_stranger(folder: str) -> None:
    """Note for the summary that the policy did not apply to this Python."""
    try:
        with open(os.path.join(folder, "%d.stranger" % os.getpid()), "w") as file:  # noqa: PTH118, PTH123, UP031
            file.write(str(sys.executable))
    except (OSError, ValueError):
        pass  # the run is over


def _start(text: str) -> None:
    """Start the runner in this Python if it belongs to the installation of the command."""
    import json  # noqa: PLC0415  # not needed outside a run

    run = json.loads(text)
    if run["python"] != [sys.hexversion, sys.prefix]:
        _note_stranger(run["folder"])
        return
    # The package is imported from the folder where the command found it; the script's own path may lack that folder.
    sys.path.insert(0, run["home"])
    try:
        import resilience.runner  # noqa: F401, PLC0415  # not needed outside a run
    finally:
        sys.path.remove(run["home"])
    from resilience.runner.startup.start import start  # noqa: PLC0415  # not needed outside a run

    start(text)


def _start_or_end(text: str) -> None:
    try:
        _start(text)
    except Exception:  # noqa: BLE001  # Python would print one line, and run the script without the policy
        import traceback  # noqa: PLC0415  # hardly ever needed

        sys.stderr.write("resilience: run cannot start\n" + traceback.format_exc())
        sys.stderr.flush()
        os._exit(2)


_ours = sys.modules.pop(__name__)
try:
    __import__(__name__)  # the next module of this name
except ImportError as _error:
    if _error.name != __name__:
        raise
    sys.modules[__name__] = _ours
finally:
    if os.environ.get("RESILIENCE_RUN"):
        _start_or_end(os.environ["RESILIENCE_RUN"])
