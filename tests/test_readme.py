"""The README shows what happens."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from resilience import Policy
from resilience.policyfile.files.policy_file import builtin_names
from resilience.scenarios import check, read_text

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [(kind, text) for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)]


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCKS if found == kind]


def test_every_block_says_what_it_is() -> None:
    """No block escapes these tests by having another label."""
    assert {kind for kind, _ in BLOCKS} == {"sh", "toml", "python", "text"}


@pytest.mark.parametrize("text", blocks("toml"))
def test_policies_are_policies(text: str) -> None:
    """Each policy loads, without a warning; a test file can be read as far as it stands by itself."""
    if "[[scenario]]" not in text:
        assert not Policy.loads(text).warnings()
        return
    file = read_text(text.replace('"mqtt.toml"', '"builtin:provisioning"'), name="README.md")
    assert file.problems == ()
    assert [each.differences for each in map(check, file.scenarios)] == [(), ()]


def test_each_shipped_policy_is_named() -> None:
    """A reader finds which services have a policy, and its name."""
    assert [name for name in builtin_names() if f"`builtin:{name}`" not in README] == []


def test_scripts_print_what_is_shown(tmp_path: Path) -> None:
    """Each script, run beside the policy above it, prints the text below it."""
    shown = 0
    for (kind, text), (following, expected) in pairwise(BLOCKS):
        if kind == "toml":
            (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
        if kind == "python":
            assert following == "text"
            run = subprocess.run(  # noqa: S603  # our own README
                [sys.executable, "-W", "error", "-c", text],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert (run.stderr, run.stdout) == ("", expected)
            shown += 1
    assert shown == len(blocks("python")) == len(blocks("text"))


def test_the_commands_shown_work(tmp_path: Path) -> None:
    """The commands for writing a policy run one after the other, as they stand."""
    joined = [text.replace("\\\n", " ") for text in blocks("sh")]
    lines = [line for text in joined for line in text.splitlines() if line.startswith("resilience ")]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    assert len(lines) > 3
    environ = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    for line in lines:
        command = [sys.executable, "-m", *shlex.split(line)]
        run = subprocess.run(  # noqa: S603  # our own README
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60
        )
        # Environments that differ are what diff is to find.
        assert run.returncode == (1 if " diff " in line else 0), run.stdout + run.stderr
        if " run " in line:
            # What the page says of this run is what it says itself, but for its waits.
            assert run.stderr.partition("; waited ")[0] in README


def test_one_line_each_sets_up_and_runs() -> None:
    """A fresh machine needs two lines, which end in the demo and in the tests."""
    lines = [line for text in blocks("sh") for line in text.splitlines() if line.startswith("python3 -m venv")]
    assert [line.rpartition(" && ")[2] for line in lines] == [".venv/bin/resilience demo", ".venv/bin/python -m pytest"]


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_lead_somewhere(target: str) -> None:
    """Each relative link names a file of the repository."""
    assert target.startswith("https://") or (ROOT / target).exists()
