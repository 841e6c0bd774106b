"""Limits that calls share: breakers that cannot work, budgets that bound little, rates above the documented ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from resilience.catalog import catalogue, providers
from resilience.core.admission.limits import BreakerLimits, BudgetLimits, RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.grammar.durations import written
from resilience.policyfile.decode.shared_limits import rate_paths
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import listed, quoted

_MOST_RETRIES: Final = 0.3  # retries for each call: from there on they are a load of their own
_REFUSALS: Final = frozenset({"BreakerOpen", "BudgetExhausted", "RateExceeded", "Refused"})
_TIMEOUT: Final = ("limits", "attempt_timeout")
_SHOWN: Final = 4


def short_window(view: View) -> Iterator[Problem]:
    """RP010: a breaker looks back for less than two attempts."""
    timeout = view.policy.limits.attempt_timeout
    for provider, breaker in view.policy.breakers.items():
        if timeout is None or breaker.window is None or breaker.window >= 2 * timeout:
            continue
        message = (
            f"the breaker looks back {written(breaker.window)}, and one attempt may take {written(timeout)}: the "
            "results of hanging calls leave the window before there are enough; use at least twice the attempt_timeout"
        )
        path = view.latest(("breaker", provider, "window"), _TIMEOUT)
        yield view.problem(_or_table(view, path, provider), ids.SHORT_WINDOW, message)


def many_probes(view: View) -> Iterator[Problem]:
    """RP035: a half-open breaker tries more calls than half of its window."""
    for provider, breaker in view.policy.breakers.items():
        if breaker.window_calls is None or breaker.probes <= breaker.window_calls / 2:
            continue
        message = (
            f"the breaker tries {breaker.probes} calls before it closes, and its window holds {breaker.window_calls}: "
            "a service that is still down gets a burst; use at most half of the window"
        )
        path = view.latest(("breaker", provider, "probes"), ("breaker", provider, "window"))
        yield view.problem(path, ids.MANY_PROBES, message)


def unrelated(view: View) -> Iterator[Problem]:
    """RP038: hosts that have nothing to do with each other share one breaker."""
    for provider, breaker in view.policy.breakers.items():
        api = view.policy.apis.get(provider)
        if api is None or breaker.per != "provider" or len(api.hosts) == 1:
            continue
        hosts = (
            f"{listed(api.hosts)} share" if api.hosts else f"[sources.{provider}] names no host, so all of them share"
        )
        way = "give each a provider of its own" if api.hosts else "name the host"
        message = (
            f"{hosts} one breaker: when one host is down, calls to the others are refused too; {way}, "
            'or write per = "operation"'
        )
        yield view.problem(_or_table(view, ("breaker", provider, "per"), provider), ids.UNRELATED, message)


def unbounded_retries(view: View) -> Iterator[Problem]:
    """RP028: retries without a budget, or with one that bounds little."""
    for provider, budget in view.policy.budgets.items():
        ratio = _ratio(budget)
        if ratio > _MOST_RETRIES:
            keys = ("deposit", "cost") if budget.ratio is None else ("ratio",)
            message = (
                f"the budget allows {ratio:.2g} retries for each call, so that an outage adds as many calls; "
                f"keep it at {_MOST_RETRIES:g} or less"
            )
            path = view.latest(*(("budget", provider, key) for key in keys))
            yield view.problem(path, ids.UNBOUNDED_RETRIES, message)
    for provider in view.policy.breakers.keys() - view.policy.budgets.keys():
        if _retries(view, provider):
            message = (
                f"a breaker and no budget: until the breaker opens, every call retries by itself; "
                f"write [budget.{provider}]"
            )
            yield view.problem(("breaker", provider), ids.UNBOUNDED_RETRIES, message, at="key")


def retried_refusal(view: View) -> Iterator[Problem]:
    """RP031: a rule for a refusal of the executor."""
    for each in (each for each in view.rules if each.is_first):
        if each.rule.code.rpartition(".")[2] in _REFUSALS and view.facts(each.rule) is None:
            message = (
                f"the executor raises {quoted(each.rule.code)} when a breaker, a budget or a rate refuses a call: the "
                "service did not answer, and no rule ever sees a refusal; delete this"
            )
            yield view.problem(each.key, ids.RETRIED_REFUSAL, message, at="key", layer=each.layer)


def above_documented(view: View) -> Iterator[Problem]:
    """RP081: a declared rate above the documented one."""
    for provider, rates in view.policy.rates.items():
        if provider not in providers():
            continue
        known = catalogue(provider)
        for key, scope in (("per_host", "host"), ("default", "account")):
            rate: Rate | None = getattr(rates, key)
            limit = known.limits.get(scope)
            if rate is not None and limit is not None and _exceeds(rate, limit.rate):
                message = f"{_above(rate, limit.rate)}: {limit.meaning} ({known.sources[limit.source]})"
                yield view.problem(("rate", provider, key), ids.ABOVE_DOCUMENTED, message)
        for path, names in rate_paths(view.stack, provider, rates.operations).items():
            above = [name for name in names if (facts := known.operation(name)) and facts.limit]
            above = [name for name in above if _exceeds(rates.operations[name], known.operations[name].limit)]
            if above:
                facts = known.operations[above[0]]
                shown = listed([*above[:_SHOWN], *(["others"] if len(above) > _SHOWN else [])])
                message = (
                    f"{_above(rates.operations[above[0]], facts.limit)} of {shown}: the service refuses the rest "
                    f"({known.source_of_limit(facts)})"
                )
                yield view.problem(path, ids.ABOVE_DOCUMENTED, message)


def unreached_rate(view: View) -> Iterator[Problem]:
    """RP082: the rate of an operation is above another limit."""
    for provider, rates in view.policy.rates.items():
        for path, names in rate_paths(view.stack, provider, rates.operations).items():
            rate = rates.operations[names[0]]
            for key, what in (("default", "all operations together"), ("per_host", "one host")):
                limit: Rate | None = getattr(rates, key)
                where: KeyPath = ("rate", provider, key)
                # A later file or an environment that tightens a limit means to.
                is_tightened = view.rank(where) > view.rank(path)
                if limit is not None and limit.per_second < rate.per_second and not is_tightened:
                    message = f"calls never reach {rate}, because {what} may get {limit} ({view.at(where)})"
                    yield view.problem(path, ids.UNREACHED_RATE, message)
                    break


def limitless(view: View) -> Iterator[Problem]:
    """RP084: a table of rates that limits nothing."""
    for provider, rates in view.policy.rates.items():
        if rates == RateLimits(share=rates.share):
            what = f"share = {rates.share} divides nothing" if rates.share > 1 else "nothing is limited"
            message = f"{what}: [rate.{provider}] has no rate and no concurrency, and does not adapt"
            path: KeyPath = ("rate", provider, "share") if rates.share > 1 else ("rate", provider)
            yield view.problem(path, ids.LIMITLESS, message, at="value" if rates.share > 1 else "key")


def idle_breaker(view: View) -> Iterator[Problem]:
    """RP083: at the declared rates, the window of a breaker never holds enough calls."""
    for provider, breaker in view.policy.breakers.items():
        rates = view.policy.rates.get(provider)
        if rates is None or breaker.window is None:
            continue
        for path, names, rate in _rates_of(view, provider, breaker, rates):
            most = rate.most_within(breaker.window)
            if most < breaker.min_calls:
                whose = f" of {listed(names)}" if names else ""
                message = (
                    f"the breaker{whose} waits for {breaker.min_calls} results in {written(breaker.window)}, and "
                    f"{rate} ({view.at(path)}) sends {most:g} at most: it never opens"
                )
                where = view.latest(("breaker", provider, "min_calls"), ("breaker", provider, "window"), path)
                yield view.problem(_or_table(view, where, provider), ids.IDLE_BREAKER, message)


def idle_store(view: View) -> Iterator[Problem]:
    """RP087: a store without anything that processes could share."""
    policy = view.policy
    if policy.state is not None and not (policy.rates or policy.budgets or policy.breakers or policy.credentials):
        message = (
            "the policy has no [rate], [budget], [breaker] or [credentials], and nothing else is kept in the store"
        )
        yield view.problem(("state", "store"), ids.IDLE_STORE, message)


def undivided(view: View) -> Iterator[Problem]:
    """RP088: while the store is away, each of several processes takes the whole limits."""
    state = view.policy.state
    if state is None or state.on_unavailable != "local":
        return
    whole = [provider for provider in view.policy.rates if view.stack.setter(("rate", provider, "share")) is None]
    if whole:
        tables = listed([f"[rate.{each}]" for each in whole])
        message = (
            f"while the store is away, each process takes all that {tables} allows; write there how many processes "
            'share it (share = 4), or on_unavailable = "fail" here'
        )
        path: KeyPath = ("state", "on_unavailable")
        is_written = view.stack.setter(path) is not None
        yield view.problem(path if is_written else ("state", "store"), ids.UNDIVIDED, message)


def _rates_of(
    view: View, provider: str, breaker: BreakerLimits, rates: RateLimits
) -> Iterator[tuple[KeyPath, list[str], Rate]]:
    """Yield the rates that bound the calls of one breaker, with their paths and operations."""
    if breaker.per == "operation":
        for path, names in rate_paths(view.stack, provider, rates.operations).items():
            yield path, names[:_SHOWN], rates.operations[names[0]]
    elif rates.default is not None:
        yield ("rate", provider, "default"), [], rates.default


def _exceeds(rate: Rate, limit: Rate | None) -> bool:
    """Tell whether a rate allows more calls than a limit, in some window of the limit's length."""
    return limit is not None and rate.most_within(limit.per) > limit.count


def _above(rate: Rate, limit: Rate | None) -> str:
    if limit is None or rate.per_second > limit.per_second:
        return f"{rate} is above the documented {limit}"
    return f"{rate} allows {rate.most_within(limit.per):g} calls at once, above the documented {limit}"


def _ratio(budget: BudgetLimits) -> float:
    """Return the retries that a budget allows for each call, in the long run."""
    return budget.deposit / budget.cost if budget.ratio is None else budget.ratio


def _retries(view: View, provider: str) -> bool:
    """Tell whether a fault of a provider can lead to another attempt."""
    scopes = {provider, "transport", f"transport.{provider}"}
    rules = (each.rule for each in view.rules if each.rule.scope in scopes)
    return any(action.do in {"retry", "verify"} for rule in rules for action in rule.action.chain)


def _or_table(view: View, path: KeyPath, provider: str) -> KeyPath:
    """Return a path, or that of the breaker's table where no file sets the value."""
    return path if view.stack.setter(path) is not None else ("breaker", provider)
