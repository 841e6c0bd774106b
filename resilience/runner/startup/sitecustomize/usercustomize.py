# noqa: INP001  # no package: PYTHONPATH names this very folder, so that Python finds the file by its name
"""
A second chance, where another program's ``sitecustomize`` stands in front of ours.

Python comes here only then: ours takes this folder off the path. In a virtual environment it never does.
"""

import os

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sitecustomize.py")) as _file:  # noqa: PTH100, PTH118, PTH120, PTH123
    exec(compile(_file.read(), _file.name, "exec"))  # noqa: S102  # the same, under the name of this module
