"""A digest of everything in a policy that has an effect on calls."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import attrs

from resilience.core.admission.limits import BreakerLimits, BudgetLimits, RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.operations.declared import Declaration
from resilience.core.policy import Action
from resilience.core.settings.chaos import Chaos
from resilience.core.settings.credentials import CredentialLimits


def digest(values: Mapping[str, Any]) -> str:
    """Return 12 hex digits, which are equal for policies of equal effect."""
    # Imported here: `check` needs no digest, and these two imports take longer than checking a file.
    import hashlib  # noqa: PLC0415
    import json  # noqa: PLC0415

    actions: Mapping[str, Action] = values["actions"]
    rules = [
        # The name identifies a named action, the content an inline one.
        (
            rule.scope,
            rule.operation or "",
            rule.code,
            rule.action.key if rule.action.key in actions else _content(rule.action),
            rule.effect,
            # Added only if it is set, so that a policy without it keeps the digest of earlier versions.
            *(() if rule.entry is None and rule.message is None else (rule.entry or 0, rule.message)),
        )
        for rule in values["rules"]
    ]
    content = {
        "production": values["production"],
        "limits": attrs.asdict(values["limits"]),
        "unknown": values["unknown"].key,
        "repeats": {provider: _repeats(each) for provider, each in values["operations"].items()},
        "backoffs": {name: attrs.astuple(each) for name, each in values["backoffs"].items()},
        "credentials": {name: _renewal(each) for name, each in values["credentials"].items()},
        "actions": {name: _content(action) for name, action in actions.items()},
        "rules": sorted(rules, key=itemgetter(0, 1, 2)),
    }
    declared = {name: _without_repeats(each) for name, each in values["operations"].items()}
    if any(declared.values()):
        content["operations"] = declared
    chaos: Chaos = values["chaos"]
    if chaos.injections:
        entries = {
            each.id: (each.rate, each.applied, each.delay, *(() if each.message is None else (each.message,)))
            for each in chaos.injections
        }
        content["chaos"] = {"seed": chaos.seed, "injections": entries}
    if values["ledger"] is not None:
        ledger = values["ledger"]
        content["ledger"] = (
            {"path": ledger.written or ledger.path, "on_unfinished": ledger.on_unfinished}
            if ledger.url is None
            else {"url": ledger.written, "lease": ledger.lease, "on_unfinished": ledger.on_unfinished}
        )
    if values["state"] is not None:
        state = values["state"]
        content["state"] = {"store": state.written or state.store, "on_unavailable": state.on_unavailable}
    if values["apis"]:
        content["apis"] = {name: attrs.asdict(each) for name, each in values["apis"].items()}
    for table in ("rates", "budgets", "breakers"):
        # Only where they say something, so that the digests of policies without them stay as they were.
        if values[table]:
            content[table] = {name: _plain(each) for name, each in values[table].items()}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _plain(limits: RateLimits | BudgetLimits | BreakerLimits) -> dict[str, Any]:
    """Return shared limits as JSON has them; a rate as it is written."""
    return {
        key: {name: str(rate) for name, rate in value.items()}
        if isinstance(value, Mapping)
        else str(value)
        if isinstance(value, Rate)
        else value
        for key, value in attrs.asdict(limits, recurse=False).items()
    }


def _renewal(limits: CredentialLimits) -> dict[str, Any]:
    """Return the settings of credentials, with paths as the file has them and not as this machine resolves them."""
    settings = attrs.asdict(limits)
    source = settings.pop("source")
    if source is not None:
        written = source.pop("written")
        if written:
            source["command"], source["file"] = written, None
        settings["source"] = source
    return settings


def _repeats(operations: Mapping[str, Declaration]) -> dict[str, str]:
    return {name: each.repeat for name, each in operations.items() if each.repeat is not None}


def _without_repeats(operations: Mapping[str, Declaration]) -> dict[str, Any]:
    """Return the declarations of operations that have more than ``repeat``, without ``repeat``."""
    plain = Declaration()
    more = {name: attrs.evolve(each, repeat=None, is_assumed=False) for name, each in operations.items()}
    return {name: attrs.asdict(each) for name, each in more.items() if each != plain}


def _content(action: Action) -> list[Any]:
    """Return an action's settings, without its key."""
    backoff = action.backoff
    return [
        action.do,
        None if backoff is None else backoff.name,
        action.counts,
        action.max,
        None if action.then is None else action.then.key,
        action.condition,
        action.dry_run,
        action.pattern,
        action.max_length,
        *(() if action.lasts is None else (action.lasts,)),
    ]
