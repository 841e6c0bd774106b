"""Hints for the keys of other libraries: the key to write here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from resilience.core.policy import VERBS
from resilience.policyfile.messages.wording import quoted

_ACTION: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(("action", "verb", "type", "kind"), ("do", 'did you mean "do", as in do = "retry"?')),
    **{verb: ("do", f'write do = "{verb}"') for verb in VERBS},
    "always": ("if", 'write if = "always"'),
    "dry_run": ("as", 'write as = "dry_run"'),
    **dict.fromkeys(("messages", "text", "contains", "matches"), ("message", 'write message = "..."')),
    **dict.fromkeys(("during", "duration", "timeout", "lasts"), ("for", 'did you mean "for", as in for = "15m"?')),
    **dict.fromkeys(
        ("attempts", "max_attempts", "retries", "max_retries", "times"),
        ("max", 'did you mean "max", the uses of this action in one call?'),
    ),
}
_BACKOFF: Final = {
    **dict.fromkeys(
        ("delay", "wait", "interval", "initial", "initial_delay", "min"),
        ("base", 'did you mean "base", the first wait?'),
    ),
    **dict.fromkeys(("max", "max_delay", "max_wait", "maximum"), ("cap", 'did you mean "cap", the longest wait?')),
    **dict.fromkeys(("multiplier", "exponent", "rate"), ("factor", 'did you mean "factor"?')),
    **dict.fromkeys(("random", "randomize"), ("jitter", 'write jitter = "full"')),
}
_OPERATION: Final = {
    **dict.fromkeys(
        ("keys", "id", "ids", "fields"), ("key", 'did you mean "key", the fields that name what it makes?')
    ),
    **dict.fromkeys(("verify", "verifier", "read"), ("read_back", 'did you mean "read_back", the operation to ask?')),
    **dict.fromkeys(("idempotent", "retry", "on_repeat"), ("repeat", 'did you mean "repeat", what a second one does?')),
    **dict.fromkeys(("required", "answer"), ("requires", 'did you mean "requires", the fields of a good answer?')),
    **dict.fromkeys(("regex", "match", "regexp"), ("pattern", 'did you mean "pattern"?')),
    **dict.fromkeys(("max", "length", "max_len"), ("max_length", 'did you mean "max_length"?')),
}
_RATE: Final = {
    **dict.fromkeys(
        ("host", "ip", "per_ip", "per_address"), ("per_host", 'did you mean "per_host", as in per_host = "280/s"?')
    ),
    **dict.fromkeys(
        ("limit", "rate", "qps", "tps", "rps", "account", "per_account", "total", "max_rate"),
        ("default", 'did you mean "default", as in default = "100/s"?'),
    ),
    **dict.fromkeys(
        ("max_concurrency", "parallel", "in_flight", "bulkhead", "max_concurrent", "workers"),
        ("concurrency", 'did you mean "concurrency", the attempts under way at once?'),
    ),
    **dict.fromkeys(("processes", "shares", "split", "divide"), ("share", 'did you mean "share", as in share = 4?')),
    **dict.fromkeys(("adapt", "auto", "aimd", "dynamic"), ("adaptive", "write adaptive = true")),
    **dict.fromkeys(("operation", "per_operation", "api", "apis"), ("operations", "write [rate.PROVIDER.operations]")),
}
_BUDGET: Final = {
    **dict.fromkeys(
        ("tokens", "max_tokens", "size", "limit"), ("capacity", 'did you mean "capacity", the most tokens?')
    ),
    **dict.fromkeys(("retry_cost", "price", "withdraw"), ("cost", 'did you mean "cost", the tokens of a retry?')),
    **dict.fromkeys(
        ("refill", "refund", "reward", "token_ratio"), ("deposit", 'did you mean "deposit", the tokens of a success?')
    ),
    **dict.fromkeys(
        ("percent", "budget_percent", "share", "max_ratio"), ("ratio", 'write kind = "ratio" and ratio = 0.2')
    ),
    **dict.fromkeys(
        ("min_retries", "min_retry_concurrency", "minimum", "min"), ("floor", 'did you mean "floor", as in floor = 3?')
    ),
    **dict.fromkeys(("ttl", "interval", "period"), ("window", 'did you mean "window", as in window = "10s"?')),
}
_BREAKER: Final = {
    **dict.fromkeys(
        ("threshold", "failure_threshold", "failure_ratio", "failure_rate_threshold", "ratio", "rate"),
        ("failure_rate", 'did you mean "failure_rate", as in failure_rate = 0.5?'),
    ),
    **dict.fromkeys(
        ("sampling", "sampling_duration", "sliding_window_size", "window_size", "period"),
        ("window", 'did you mean "window", as in window = "30s"?'),
    ),
    **dict.fromkeys(
        ("minimum_throughput", "minimum_number_of_calls", "min_throughput", "volume_threshold", "minimum"),
        ("min_calls", 'did you mean "min_calls"?'),
    ),
    **dict.fromkeys(
        ("timeout", "reset_timeout", "recovery_timeout", "break_duration", "duration", "cool_down", "delay"),
        ("open_for", 'did you mean "open_for", as in open_for = "20s"?'),
    ),
    **dict.fromkeys(
        ("half_open", "half_open_calls", "permits", "success_threshold", "max_probes"),
        ("probes", 'did you mean "probes", as in probes = 2?'),
    ),
    **dict.fromkeys(("state", "enabled", "type", "shadow"), ("mode", 'did you mean "mode", "on" or "shadow"?')),
    **dict.fromkeys(("scope", "key", "by"), ("per", 'did you mean "per", "provider" or "operation"?')),
}
_OTHER_NAMES: Final = {
    "actions": _ACTION,
    "backoff": _BACKOFF,
    "operations": _OPERATION,
    "rate": _RATE,
    "budget": _BUDGET,
    "breaker": _BREAKER,
}


def key_hint(table: str, name: str, key: str, known: Collection[str]) -> str:
    """
    Return a hint for an unknown key that another library has; an empty text for any other key.

    Args:
        table: ``actions``, also for the table of a rule, ``backoff``, ``rate`` and the like; others have no hints.
        name: The name after it; empty for a rule.
        key: The unknown key.
        known: The valid keys.
    """
    if (table, key) == ("actions", "effect") and name:
        return f'; an effect belongs in the rule, as in {{ do = {quoted(name)}, effect = "none" }}'
    if (table, key) == ("actions", "message") and name:
        return f'; a message belongs in the rule, as in {{ do = {quoted(name)}, message = "retry later" }}'
    instead, how = _OTHER_NAMES.get(table, {}).get(key, ("", ""))
    if instead not in known and key == "delay" and "delays" in known:
        return '; did you mean "delays", as in ["1s", "5s"]?'
    return f"; {how}" if instead in known else ""
