# noqa: INP001  # no package: PYTHONPATH names this very folder, so that Python finds the file by its name
"""
The first thing that runs in every Python of ``resilience run``.

It steps out of the way first: the folder leaves ``sys.path``, and the
``sitecustomize`` that Python would have found without us gets its turn. Then, in
a Python of the installation that the command was run with, it starts us.

Any Python may come here that the script starts, also an old one: no syntax newer
than Python 3.6. Without our variables it does nothing.
"""

import os
import sys

# No pathlib: it would be most of what this file costs in a Python that has nothing to do with us.
_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
sys.path[:] = [_entry for _entry in sys.path if os.path.abspath(_entry) != _FOLDER]  # noqa: PTH100
sys.path_importer_cache.pop(_FOLDER, None)


def _leave_word(folder: str) -> None:
    """Let the end of the run say that this Python was not under the policy."""
    try:
        with open(os.path.join(folder, "%d.stranger" % os.getpid()), "w") as file:  # noqa: PTH118, PTH123, UP031
            file.write(str(sys.executable))
    except (OSError, ValueError):
        pass  # the run is over


def _start(text: str) -> None:
    """Start us where we are meant; what goes wrong with us ends the process, and never lets it go on uncovered."""
    import json  # noqa: PLC0415  # not where there is nothing to do

    run = json.loads(text)
    if run["python"] != [sys.hexversion, sys.prefix]:
        _leave_word(run["folder"])
        return
    # Where the command found the package it is found again, whatever the script's own path is; nothing else is.
    sys.path.insert(0, run["home"])
    try:
        import resilience.runner  # noqa: F401, PLC0415  # not where there is nothing to do
    finally:
        sys.path.remove(run["home"])
    from resilience.runner.startup.start import start  # noqa: PLC0415  # likewise

    start(text)


def _start_or_end(text: str) -> None:
    try:
        _start(text)
    except Exception:  # noqa: BLE001  # Python would print one line and run the script without a policy
        import traceback  # noqa: PLC0415  # hardly ever needed

        sys.stderr.write("resilience: run cannot start\n" + traceback.format_exc())
        sys.stderr.flush()
        os._exit(2)


_ours = sys.modules.pop(__name__)
try:
    __import__(__name__)  # the next one of this name
except ImportError as _error:
    if _error.name != __name__:
        raise
    sys.modules[__name__] = _ours
finally:
    if os.environ.get("RESILIENCE_RUN"):
        _start_or_end(os.environ["RESILIENCE_RUN"])
