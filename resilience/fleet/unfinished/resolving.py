"""Ask the service about every resource that an earlier run has started and not finished, and note the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from attrs import frozen

from resilience.engine.outcome import Outcome
from resilience.engine.runtime import clock
from resilience.fleet.calls import Fleet
from resilience.fleet.function import FleetFunction, verifying
from resilience.fleet.rows.check import NumberedRow
from resilience.fleet.rows.parameters import Parameters
from resilience.fleet.tally import label_of
from resilience.state.ledger import Ledger, LedgerEntry, entry_key


@frozen(kw_only=True)
class Resolution:
    """
    What is believed of one unfinished resource, and why.

    Attributes:
        key: Its key in the ledger.
        result: ``done``: it is there, and noted as done. ``forgotten``: it is not there, and the next run makes it.
            ``unknown``: nothing could be asked, and the entry stays. ``in use``: a call is making it.
        reason: What was asked, and the answer.
    """

    key: str
    result: Literal["done", "forgotten", "unknown", "in use"]
    reason: str


@frozen
class _Asked:
    """An entry that this process has claimed, and the arguments of its question."""

    entry: LedgerEntry
    arguments: dict[str, Any]
    claimed_at: float


class _Answers:
    """The answers of the verifier, by the number of the question."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome[Any]] = {}

    def add(self, number: int, line: int, outcome: Outcome[Any]) -> None:  # noqa: ARG002  # entries have no lines
        """Note an answer."""
        self.outcomes[number] = outcome


def unfinished_of(function: FleetFunction, entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Return the entries that were started and not finished by calls of a function, with the same account."""
    operation, account = function.target.operation, function.target.setting.account
    return [
        entry
        for entry in entries
        if entry.state == "started"
        and entry.key == entry_key(operation.provider, account, operation.name, entry.resource)
    ]


def resolve(
    function: FleetFunction,
    ledger: Ledger,
    entries: Iterable[LedgerEntry],
    *,
    waiting: Callable[[int, float], object] = lambda _count, _seconds: None,
) -> Iterator[Resolution]:
    """
    Verify unfinished entries of a function, and yield what came of each.

    "There" is believed at once. "Not there" is believed when ``settle`` has passed since the key was claimed, because
    an effect may come late. An entry whose key a call holds is left alone.

    Args:
        function: What makes the resources.
        ledger: Where the entries are.
        entries: Those of :func:`unfinished_of`.
        waiting: Is told how many are asked about again, and after how many seconds.

    Raises:
        ValueError: The function has no verifier.
        LedgerError: The ledger cannot be used.
    """
    asks = verifying(function)
    if asks is None:
        raise ValueError("the function has no verifier")
    name = getattr(asks.given, "__name__", "the verifier")
    settle = function.target.plan.settle
    parameters = Parameters(asks.target.function)
    open_ones: list[_Asked] = []
    try:
        for entry in entries:
            found = _claimed(function, asks, ledger, entry, parameters)
            if isinstance(found, Resolution):
                yield found
            else:
                open_ones.append(found)
        for is_last in (False, True):
            if is_last and open_ones:
                left = max(each.claimed_at for each in open_ones) + settle - clock.monotonic()
                if left > 0:
                    waiting(len(open_ones), left)
                    clock.sleep(left)
            answers = _Answers()
            rows: list[NumberedRow] = [(number, 0, each.arguments) for number, each in enumerate(open_ones)]
            Fleet(asks, parameters, rows, answers).run()
            asked, open_ones = open_ones, []
            for number, each in enumerate(asked):
                said = _noted(ledger, each, answers.outcomes[number], name, settle if is_last else None)
                if said is None:
                    open_ones.append(each)
                    continue
                ledger.release(each.entry.key)
                yield said
    finally:
        for each in open_ones:
            ledger.release(each.entry.key)


def _claimed(
    function: FleetFunction, asks: FleetFunction, ledger: Ledger, entry: LedgerEntry, parameters: Parameters
) -> Resolution | _Asked:
    """Claim an entry and read it again; return what is to be asked, or why nothing can be."""
    values, problems = _arguments(function, asks, entry, parameters)
    if problems:
        return Resolution(key=entry.key, result="unknown", reason=problems)
    if not ledger.claim(entry.key):
        return Resolution(key=entry.key, result="in use", reason="a call has claimed it")
    now = ledger.get(entry.key)
    if now == entry:
        return _Asked(entry, values, clock.monotonic())
    ledger.release(entry.key)
    is_done = now is not None and now.state == "done"
    result: Literal["done", "in use"] = "done" if is_done else "in use"
    return Resolution(key=entry.key, result=result, reason="a call has changed it meanwhile")


def _arguments(
    function: FleetFunction, asks: FleetFunction, entry: LedgerEntry, parameters: Parameters
) -> tuple[dict[str, Any], str]:
    """Return the arguments of the verifier, with the name that was last sent; or else what the ledger does not know."""
    values: dict[str, str] = {}
    problems: list[str] = []
    for field, text in entry.resource.items():
        signature: Any = function.target.signature
        name = signature.parameter_of(field) if hasattr(signature, "parameter_of") else None
        if name is None or parameters.unknown(name) is not None:
            problems.append(f"its question has no parameter for {field}")
        else:
            values[name] = entry.renamed.get(field, (text, text))[1]
    problems += [
        f"its question needs {name}, which is no part of the key" for name in parameters.needed if name not in values
    ]
    arguments: dict[str, Any] = {}
    if not problems:
        arguments = parameters.arguments(
            values, is_text=True, report=lambda name, said: problems.append(f"{name}: {said}")
        )
    who = getattr(asks.given, "__name__", "the verifier")
    return arguments, f"{who} cannot be asked: {'; '.join(problems)}" if problems else ""


def _noted(ledger: Ledger, asked: _Asked, outcome: Outcome[Any], name: str, settled: float | None) -> Resolution | None:
    """Note an answer; return what is believed now, or None where it is asked again."""
    key = asked.entry.key
    if outcome.error is not None:
        return Resolution(key=key, result="unknown", reason=f"{name} failed ({label_of(outcome)})")
    if outcome.value is not None:
        ledger.finish(asked.entry)
        return Resolution(key=key, result="done", reason=f"{name} found it")
    if settled is None:
        return None
    ledger.forget(key)
    reason = f"{name} did not find it, {settled:g} s after its last call"
    return Resolution(key=key, result="forgotten", reason=reason)
