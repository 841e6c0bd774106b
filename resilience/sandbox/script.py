"""
The script language, and the queue of pending faults; values without sockets and clock.

A script is a list of entries between commas, one for each call. After the last entry the operation works again::

    SystemOverFlow*3, applied lost, ok, slow 250ms, late hang 1s, 503, GroupIdAlreadyExsited*

======================  ================================================================================
word                    result of the call
======================  ================================================================================
``ok``                  the usual answer
a code                  that error, in the service's form
``503``, ``http-503``   that status, without a body
``lost``, ``hangup``    the connection is closed without an answer
``reset``               the connection is reset
``hang``                no answer, until the caller leaves or the sandbox closes
``garbage``             a 200 with a page of HTML
``truncated``           the usual answer, cut off in the middle of its body
``slow``                the usual answer, after the delay
======================  ================================================================================

After a code or a status: the service's message, as in ``OperationDenied("role cannot be assumed")``.
Before a word: ``applied`` (the request takes effect, only the answer is bad) or ``late`` (the request takes effect
after the answer: after the delay, or without a delay at ``Sandbox.settle``). After it: a delay (``250ms``, ``2s``).
At its end: ``*3`` repeats it, ``*`` repeats it for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from random import Random
from threading import RLock
from typing import Any

from attrs import define, evolve, frozen

from resilience.core.grammar import script as grammar
from resilience.sandbox.faults import KINDS, Applied, ScriptedFault
from resilience.sandbox.operations import check_code, resolve, suggest

_WORDS = KINDS - {"code", "status", "fields"}


def parse_entry(text: str, operation: str, provider: str | None = None) -> ScriptedFault:
    """
    Read one entry of a script.

    Raises:
        ValueError: The entry is invalid; the message shows it.
    """
    entry = grammar.parse_entry(text)
    applied: Applied | None = {None: None, "applied": True, "late": "late"}[entry.applied]
    word = {"lost": "hangup"}.get(entry.word, entry.word)
    what: dict[str, Any]
    if entry.status is not None:
        what = {"kind": "status", "status": entry.status}
    elif word in _WORDS:
        what = {"kind": word}
    elif entry.is_code:
        check_code(word, provider)
        what = {"kind": "code", "code": word}
    else:
        near = suggest(word, {*_WORDS, "lost"}, 0.6)
        raise ValueError(f"{entry.text!r}: {word!r} is neither a word of the script language nor a code{near}")
    if entry.message is not None:
        what |= {"body": entry.message.encode()} if what["kind"] == "status" else {"message": entry.message}
    try:
        return ScriptedFault(
            operation, provider=provider, delay=entry.delay, applied=applied, times=entry.times, **what
        )
    except ValueError as error:
        raise ValueError(f"{entry.text!r}: {error}") from None


def parse_script(operation: str, script: str) -> tuple[ScriptedFault, ...]:
    """
    Read a script for one operation; the language is in this module's docstring.

    Raises:
        ValueError: The operation is unknown, or an entry is invalid.
    """
    provider, name = resolve(operation, None)
    return tuple(parse_entry(entry, name, provider) for entry in grammar.split_script(script))


@define
class _Pending:
    """A fault with its remaining uses."""

    fault: ScriptedFault
    left: int | None
    skip: int


@frozen
class _Chaos:
    """Random faults for the calls without a scripted one."""

    operation: str
    provider: str | None
    rate: float
    random: Random
    choices: Sequence[ScriptedFault]


class Script:
    """The pending faults in order; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._pending: list[_Pending] = []
        self._chaos: list[_Chaos] = []

    def add(self, *faults: ScriptedFault) -> None:
        """Append faults; a call takes the first one for its operation."""
        with self._lock:
            self._pending += [_Pending(fault, fault.times, fault.after) for fault in faults]

    def mix(self, operation: str, rate: float, seed: int, words: Sequence[str]) -> None:
        """
        Let a share of the calls without another fault fail at random, in a sequence that the seed fixes.

        Raises:
            ValueError: ``rate`` is outside 0 to 1, or a word is invalid.
        """
        if not 0 <= rate <= 1:
            raise ValueError(f"rate: expected a number from 0 to 1, got {rate}")
        provider, name = resolve(operation, None)
        choices = [parse_entry(word, name, provider) for word in words]
        if not choices:
            raise ValueError("kinds: expected at least one word of the script language")
        # Reproducible, not secret: the seed is the point.
        chaos = _Chaos(name, provider, rate, Random(seed), choices)  # noqa: S311
        with self._lock:
            self._chaos.append(chaos)

    def next(self, provider: str, operation: str) -> ScriptedFault:
        """Take the fault for the next call; kind ``ok`` if there is none."""
        with self._lock:
            for pending in self._pending:
                if not pending.fault.meets(provider, operation):
                    continue
                if pending.skip:
                    pending.skip -= 1
                    continue
                if pending.left is not None:
                    pending.left -= 1
                    if not pending.left:
                        self._pending.remove(pending)
                return pending.fault
            for chaos in self._chaos:
                fits = chaos.provider in (None, provider) and fnmatchcase(operation, chaos.operation)
                if fits and chaos.random.random() < chaos.rate:
                    return chaos.random.choice(chaos.choices)
        return ScriptedFault(operation, "ok", provider)

    def pending(self) -> tuple[ScriptedFault, ...]:
        """Return the unused scripted faults, in order."""
        with self._lock:
            return tuple(evolve(p.fault, times=p.left, after=p.skip) for p in self._pending)

    def clear(self) -> None:
        """Drop all faults, with the random ones."""
        with self._lock:
            self._pending.clear()
            self._chaos.clear()
