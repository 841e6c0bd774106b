"""
The language of fault scripts for simulations: the result of each attempt of one call.

A script is entries between commas, one for each attempt; after the last of them every attempt succeeds::

    SystemOverFlow*3, applied lost, ok, slow 250ms, late hang 1s, 503, GroupIdAlreadyExsited*

==========================  ========================================================================
word                        result of the attempt
==========================  ========================================================================
``ok``, ``slow``            a success
a code                      that error, with its HTTP status in the catalogue
``503``, ``http-503``       that status, without a code
``unsent``                  no connection: the request never left
``lost, reset, hangup``     the connection breaks before an answer
``hang``                    no answer, until a limit of the policy cuts the attempt short
``garbled, garbage``        an answer that cannot be read
``truncated``               the same, after the request took effect
==========================  ========================================================================

After a fault: the service's message, for rules with ``message``, as in
``OperationDenied("role cannot be assumed")*3``. No output shows it.

Before a word: ``applied`` (the request takes effect, only the answer is bad) or ``late`` (the request takes effect
after the delay, while the answer comes at its usual time). After it: a delay (``250ms``, ``2s``), which is the duration
of the attempt; without one it has the usual duration. At its end: ``*3`` repeats it, ``*`` repeats it for ever.

The sandbox plays the same scripts over sockets, apart from ``unsent`` and ``garbled``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Final

from attrs import evolve, frozen

from resilience.catalog import catalogue, providers
from resilience.core.fault import Fault, Transport
from resilience.core.grammar.script import ScriptEntry, parse_entry, parse_script
from resilience.simulation.played import ScriptedResponse

TRANSPORTS: Final[dict[str, Transport]] = {
    "unsent": "unsent",
    "lost": "lost",
    "reset": "lost",
    "hangup": "lost",
    "garbled": "garbled",
    "garbage": "garbled",
    "truncated": "garbled",
}
_SUCCESSES: Final = frozenset({"ok", "slow"})
WORDS: Final = (*sorted(_SUCCESSES), "hang", *TRANSPORTS)

# The least likeness of a misspelled code: two swapped letters.
_ALIKE: Final = 0.9


@frozen(kw_only=True)
class Scripted:
    """
    The results of some attempts.

    Attributes:
        text: The entry of the script.
        response: The result of each attempt.
        times: The number of attempts; None for all following ones.
    """

    text: str
    response: ScriptedResponse
    times: int | None = 1


def read_script(script: str, *, provider: str | None, latency: float) -> tuple[Scripted, ...]:
    """
    Read a script; after an empty one every attempt succeeds.

    Args:
        script: The text; the language is in this module's docstring.
        provider: The provider of the codes; None for any provider.
        latency: The duration of an attempt without a delay, in seconds.

    Raises:
        ValueError: An entry is not understood; the message shows it.
    """
    if not script.strip():
        return ()
    return tuple(_scripted(entry, provider, latency) for entry in parse_script(script))


def meetings(script: Iterable[Scripted], *, latency: float) -> Iterator[ScriptedResponse]:
    """Yield the result of one attempt after the other, without an end."""
    success = ScriptedResponse(duration=latency, lands=0.0)
    scripted = chain.from_iterable(
        repeat(each.response) if each.times is None else repeat(each.response, each.times) for each in script
    )
    return chain(scripted, repeat(success))


def fault_of(word: str, *, provider: str | None) -> Fault:
    """
    Return the fault of a script's word: a code, a status, ``unsent``, ``lost``, ...

    Args:
        word: The word.
        provider: The provider of the code; None for any provider.

    Raises:
        ValueError: The word is no fault, or it looks like a misspelled code.
    """
    entry = parse_entry(word)
    found = _fault(entry, provider)
    if found is None:
        raise ValueError(f"{word!r} is no fault")
    return found


def _scripted(entry: ScriptEntry, provider: str | None, latency: float) -> Scripted:
    word = entry.word
    fault = _fault(entry, provider)
    if entry.applied is not None and (fault is None or word == "unsent"):
        why = "was never sent" if word == "unsent" else "is carried out anyway"
        raise ValueError(f"{entry.text!r}: {entry.applied} means nothing here: the request {why}")
    if word == "slow" and entry.delay is None:
        raise ValueError(f"{entry.text!r}: slow needs a delay, such as 'slow 250ms'")
    duration: float | None = latency if entry.delay is None else entry.delay
    lands = 0.0 if fault is None or word == "truncated" or entry.applied == "applied" else None
    if entry.applied == "late":
        if entry.delay is None:
            raise ValueError(f"{entry.text!r}: late needs a delay before the effect, such as 'late {word} 5s'")
        duration, lands = latency, entry.delay
    if word == "hang" and (entry.delay is None or entry.applied == "late"):
        duration = None
    return Scripted(
        text=entry.text, response=ScriptedResponse(fault=fault, duration=duration, lands=lands), times=entry.times
    )


def _fault(entry: ScriptEntry, provider: str | None) -> Fault | None:
    """Return the fault of an entry with its message; None for a success."""
    fault = _wordless(entry, provider)
    if entry.message is None:
        return fault
    if fault is None:
        raise ValueError(f"{entry.text!r}: a message means nothing here: the attempt succeeds")
    return evolve(fault, message=entry.message)


def _wordless(entry: ScriptEntry, provider: str | None) -> Fault | None:
    word = entry.word
    if word in _SUCCESSES:
        return None
    if word in TRANSPORTS or word == "hang":
        return Fault(transport=TRANSPORTS.get(word, "lost"))
    if entry.status is not None:
        # SDKs report such an answer as a status with a body that is not the service's.
        return Fault(transport="garbled", status=entry.status)
    if not entry.is_code:
        near = _near(word, WORDS, 0.6)
        raise ValueError(f"{entry.text!r}: {word!r} is neither a word of the script language nor a code{near}")
    status = None
    for each in providers() if provider is None else (provider,):
        if each not in providers():
            continue
        known = catalogue(each)
        facts = known.code(word)
        if facts is not None:
            status = facts.status
        elif near := _near(word, known.codes, _ALIKE):
            raise ValueError(f"{entry.text!r}: unknown code {word!r}{near}")
    return Fault(provider=provider, code=word, status=status)


def _near(word: str, known: Iterable[str], cutoff: float) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {near[0]!r}?" if near else ""
