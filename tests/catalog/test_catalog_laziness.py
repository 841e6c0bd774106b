"""A catalogue is read when its provider is used, and not before: the largest one takes longer than all else."""

from __future__ import annotations

import subprocess
import sys

import pytest

READ = """
import resilience
from resilience.catalog import reader
read = []
parse = reader.parse
reader.parse = lambda text, file: read.append(file) or parse(text, file)
"""


@pytest.mark.parametrize(
    ("code", "read"),
    [
        pytest.param("", [], id="import"),
        pytest.param('resilience.Policy.load("builtin:alibaba-mqtt")', ["alibaba.toml"], id="policy"),
        pytest.param('resilience.Policy.load("builtin:aws-iot")', ["aws-iot.toml"], id="another-policy"),
        pytest.param(
            'resilience.Executor(resilience.Policy.load("builtin:alibaba-mqtt"), provider="alibaba")'
            '.wrap("DeleteGroupId")(lambda: None)',
            ["alibaba.toml"],
            id="executor-for-one",
        ),
        pytest.param(
            'resilience.Executor(resilience.Policy.load("builtin:alibaba-mqtt")).wrap("DeleteGroupId")(lambda: None)',
            ["alibaba.toml"],
            id="policy-for-one",
        ),
        pytest.param(
            'resilience.Executor(resilience.Policy.load("builtin:aws-iot")).wrap("AssumeRole")(lambda: None)',
            ["aws-iot.toml"],
            id="an-operation-that-others-have-too",
        ),
    ],
)
def test_only_the_catalogue_that_is_needed_is_read(code: str, read: list[str]) -> None:
    """What a program says of one provider leaves the catalogues of the others alone."""
    done = subprocess.run(  # noqa: S603  # this Python, with the code above
        [sys.executable, "-c", f"{READ}\n{code}\nprint(*read)"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == read
