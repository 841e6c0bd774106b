"""Whatever a file holds, it is answered with findings that point into it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import pytest

from resilience.policyfile.lint import inspect_text
from resilience.policyfile.lint.explain import explanations

TEXTS: Final = [text for each in explanations().values() for text in (each.bad, each.good)]

PIECES: Final[tuple[str, ...]] = (
    *'{}[]"=\n.*/',
    "%s",
    "none",
    '"0s"',
    '"99h"',
    "true",
    "-1e9",
    "1979-05-27",
    "[[a]]",
    'do = "rename"',
    'effect = "none"',
    'if = "always"',
    "counts = false",
    'extends = ["builtin:provisioning"]\n',
    "[env.prod]\n",
    "[env.prod.rules.alibaba]\n",
    "[rules.transport.alibaba]\n",
    '[lint]\nignore = { RP014 = "why" }\n',
    "\N{CJK UNIFIED IDEOGRAPH-4E2D}",
    "\x00",
    "\r\n",
    '"http-5xx"',
    '"*/X" = "fail"\n',
    'kind = "list"\n',
    'delays = ["0s", "10m"]\n',
)


def insert(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text) + 1)
    return text[:place] + chance.choice(PIECES) + text[place:]


def cut(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text) + 1)
    return text[:place] + text[place + chance.randint(1, 20) :]


def mix(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    lines.insert(chance.randrange(len(lines)), chance.choice(chance.choice(TEXTS).split("\n")))
    return "\n".join(lines)


def swap(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    chance.shuffle(lines)
    return "\n".join(lines)


DAMAGE: Final[tuple[Callable[[str, random.Random], str], ...]] = (insert, insert, cut, mix, mix, swap)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_policies_are_answered(seed: int) -> None:
    """No damage leads to an exception, to a place outside the text, or to another answer the second time."""
    chance = random.Random(seed)  # noqa: S311  # the same damage in each run
    for _ in range(40):
        text = chance.choice(TEXTS)
        for damage in chance.choices(DAMAGE, k=chance.randint(1, 4)):
            text = damage(text, chance)
        found = inspect_text(text, name="damaged")
        assert found == inspect_text(text, name="damaged")
        lines = text.replace("\r\n", "\n").split("\n")
        for each in found:
            if each.file == "damaged":
                assert 1 <= each.column <= len(lines[each.line - 1]) + 1, text
                assert str(each)
