"""The values outside of rules that differ between two policies."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import asdict, evolve, frozen

from resilience.catalog import providers
from resilience.cli.shared_limits import breaker_keys, budget_keys, rate_keys, state_keys
from resilience.cli.values import declared_keys, duration, written
from resilience.core.fault import Origin
from resilience.core.operations.apis import RestApi
from resilience.core.policy import LedgerSettings
from resilience.core.settings.credentials import CredentialLimits
from resilience.policyfile import Policy


@frozen(kw_only=True)
class SettingChange:
    """
    A value outside of rules that differs; None for an absent value.

    Attributes:
        name: The path of the value; the path of the table for rates of operations.
        before: The value in the first policy.
        after: The value in the second policy.
        before_at: The place of the first value.
        after_at: The place of the second value.
        operations: The operations with this rate; empty for any other value.
    """

    name: str
    before: str | None
    after: str | None
    before_at: Origin | None = None
    after_at: Origin | None = None
    operations: tuple[str, ...] = ()


def setting_changes(before: Policy, after: Policy) -> Iterator[SettingChange]:
    """Yield every value outside of rules, actions and backoffs that differs."""
    one, two = dict(_plain(before)), dict(_plain(after))
    alike: dict[SettingChange, list[str]] = {}
    for path in dict.fromkeys([*one, *two]):
        if one.get(path) != two.get(path):
            # One glob may speak of many operations: that is one change.
            change = SettingChange(
                name=".".join(path[:-1] if _is_operation_rate(path) else path),
                before=one.get(path),
                after=two.get(path),
                before_at=_place(before, path),
                after_at=_place(after, path),
            )
            alike.setdefault(change, []).extend(path[-1:] if _is_operation_rate(path) else ())
    for change, operations in alike.items():
        yield evolve(change, operations=tuple(operations))


def _plain(policy: Policy) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every value outside of rules, actions and backoffs; these are compared through the rules."""
    for key, value in asdict(policy.limits).items():
        yield ("limits", key), str(value) if key == "max_attempts" else duration(value)
    yield ("production",), "true" if policy.production else "false"
    for provider in {*policy.credentials, *providers()}:
        limits = policy.credentials.get(provider, CredentialLimits())
        yield from ((("credentials", provider, key), text) for key, text in _renewal(limits))
    for provider, declared in policy.operations.items():
        for operation, entry in declared.items():
            # A declaration that follows from a request's method is compared with the request.
            if not entry.is_assumed:
                yield from ((("operations", provider, operation, *path), text) for path, text in declared_keys(entry))
    for provider, api in policy.apis.items():
        yield from _api(("sources", provider), api)
    yield from _shared(policy)
    if policy.ledger is not None:
        yield from _ledger(policy.ledger)
    if policy.telemetry is not None:
        yield ("telemetry", "journal"), policy.telemetry.written or policy.telemetry.journal or "none"


def _shared(policy: Policy) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the limits that calls share."""
    for provider, rates in policy.rates.items():
        yield from ((("rate", provider, key), text) for key, text in rate_keys(rates))
        yield from ((("rate", provider, "operations", name), str(rate)) for name, rate in rates.operations.items())
    for provider, budget in policy.budgets.items():
        yield from ((("budget", provider, key), text) for key, text in budget_keys(budget))
    for provider, breaker in policy.breakers.items():
        yield from ((("breaker", provider, key), text) for key, text in breaker_keys(breaker))
    if policy.state is not None:
        yield from ((("state", key), text) for key, text in state_keys(policy.state))


def _ledger(settings: LedgerSettings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the settings of the ledger, with the path or url as the policy has it: it may hold a password otherwise."""
    yield ("ledger", "path" if settings.url is None else "url"), settings.written or settings.path
    if settings.url is not None:
        yield ("ledger", "lease"), duration(settings.lease)
    yield ("ledger", "on_unfinished"), settings.on_unfinished


def _is_operation_rate(path: tuple[str, ...]) -> bool:
    return path[0] == "rate" and path[2] == "operations"


def _place(policy: Policy, path: tuple[str, ...]) -> Origin | None:
    """Return the place of a value; that of an operation's rate may be a glob's."""
    return policy.origin(*((_is_operation_rate(path) and policy.rate_path(path[1], path[3])) or path))


def _renewal(limits: CredentialLimits) -> Iterator[tuple[str, str]]:
    """Yield a policy's settings for the credentials of a provider."""
    yield "refresh_before", duration(limits.refresh_before)
    yield "max_refreshes", str(limits.max_refreshes)
    yield "cool_down", duration(limits.cool_down)
    source = limits.source
    if source is None:
        return
    yield "source", source.kind
    for key in ("role", "endpoint", "session_name", "region"):
        if (text := getattr(source, key)) is not None:
            yield key, text
    if source.duration is not None:
        yield "duration", duration(source.duration)
    if source.key_variables:
        yield "key_variables", ", ".join(source.key_variables)
    if source.written:
        # As the policy has it, because the folder of the policy is no difference.
        yield source.kind, " ".join(source.written)


def _api(path: tuple[str, ...], api: RestApi) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield a policy's settings for a REST API."""
    for key in ("code", "message", "request_id", "retry_after", "success"):
        if getattr(api, key) is not None:
            yield (*path, key), str(getattr(api, key))
    if api.hosts:
        yield (*path, "hosts"), written(api.hosts)
    for template in api.operations:
        yield (*path, "operations", template.operation), str(template)
