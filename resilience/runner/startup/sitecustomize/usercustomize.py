# noqa: INP001  # no package: PYTHONPATH names this very folder, so that Python finds the file by its name
"""
Run our ``sitecustomize`` if Python has imported another program's instead.

If Python has imported ours, this folder is no longer on the path. In a virtual environment Python does not import
this module.
"""

import os

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sitecustomize.py")) as _file:  # noqa: PTH100, PTH118, PTH120, PTH123
    exec(compile(_file.read(), _file.name, "exec"))  # noqa: S102  # the same code under this module's name
