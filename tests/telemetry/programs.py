"""Programs of their own, for providers that a program sets only once."""

from __future__ import annotations

import os
import subprocess
import sys

import scripted_calls


def run_program(program: str, steps: str, **environment: str) -> None:
    """Run a program in another process; ``{folder}`` in it has the scripted calls, and ``{steps}`` are the test's."""
    text = program.format(folder=os.path.dirname(scripted_calls.__file__), steps=steps)  # noqa: PTH120  # a string is wanted
    ran = subprocess.run(  # noqa: S603  # our own interpreter and program
        [sys.executable, "-W", "error", "-c", text],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
