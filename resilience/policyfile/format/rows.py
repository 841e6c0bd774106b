"""The rows of the tables of a policy: the kind of a key's value, its default and its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

ValueKind = Literal[
    "duration",
    "durations",
    "number",
    "share",
    "count",
    "flag",
    "choice",
    "text",
    "literal",
    "file",
    "pattern",
    "action",
    "backoff",
    "verb",
    "place",
    "template",
    "hosts",
    "fields",
    "expression",
    "words",
    "variables",
    "rate",
    "amount",
    "window",
    "store",
    "server",
]
"""
What a value is: ``duration`` ("30s"), ``durations`` (an array of them), ``number``, ``share`` (a number
from 0 to 1), ``count`` (a whole number), ``flag``, ``choice`` (one of some words), ``text``, ``literal`` (a text to
look for), ``file`` (a path), ``pattern`` (of a new name), ``action`` and ``backoff`` (the name of one), ``verb`` (what
an action does; in a rule also the name of an action), ``place`` (where a value stands in an HTTP answer), ``template``
(a method and a path), ``hosts`` (an array of hosts), ``fields`` (an array of the names of request or answer fields),
``expression`` (a regular expression), ``words`` (a program and its arguments), ``variables`` (the names of two
environment variables), ``rate`` ("10/s"), ``amount`` (a number with a least value), ``window`` (a duration, or a whole
number of calls), ``store`` (the url of a server, or a path), ``server`` (the url of a server).
"""


@frozen(kw_only=True)
class Key:
    """
    One key.

    Attributes:
        kind: The kind of its value.
        meaning: What the key does, in one line.
        default: The value of an absent key, as a file would have it; None if there is no default,
            or if the default depends on another key.
        least: The smallest value, durations in seconds.
        above: The value has to be greater than this; durations in seconds.
        choices: The words of a ``choice`` or a ``verb``.
        none: Whether ``"none"`` may stand for no limit.
        only: The verbs or backoff kinds that have this key; empty for all of them.
    """

    kind: ValueKind
    meaning: str
    default: str | float | bool | None = None
    least: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    none: bool = False
    only: tuple[str, ...] = ()

    def fits(self, word: str) -> bool:
        """Tell whether this verb, or this kind of backoff, has the key."""
        return not self.only or word in self.only


def keys_of(keys: Mapping[str, Key], word: object) -> list[str]:
    """Return the keys of a verb or a kind of backoff; all keys for an unknown word."""
    known = [name for name, key in keys.items() if isinstance(word, str) and key.fits(word)]
    return known if any(isinstance(word, str) and word in key.choices for key in keys.values()) else list(keys)
