"""REST APIs that a policy describes, and rules that do not fit them."""

from __future__ import annotations

from collections.abc import Iterator

from resilience.core.operations.apis import METHODS
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import quoted


def ruleless(view: View) -> Iterator[Problem]:
    """RP073: an API that no rule answers."""
    for provider in view.policy.apis:
        path = ("sources", provider)
        setter = view.stack.setter(path)
        # An API of an extended file may be for other files that extend it too.
        if setter is None or setter.source is not view.stack.root.source:
            continue
        if view.scopes.isdisjoint((provider, f"transport.{provider}")):
            message = (
                f"no rule is for {provider}, so each of its codes leads to `unknown`; write what to do about them "
                f"in [rules.{provider}]"
            )
            yield view.problem(path, ids.RULELESS_API, message, at="key", layer=setter)


def unmade(view: View) -> Iterator[Problem]:
    """RP074: a rule for an operation without a request in its API."""
    for each in view.rules:
        provider, name = each.rule.scope.removeprefix("transport."), each.rule.operation
        api = view.policy.apis.get(provider)
        if api is None or name is None or "*" in name or name in METHODS:
            continue
        # The program may call a declared operation by its name, without a request.
        is_declared = view.stack.setter(("operations", provider, name)) is not None
        if not is_declared and each.is_first and all(name != template.operation for template in api.operations):
            message = (
                f"no request of {provider} is the operation {quoted(name)}; give its method and path in "
                f"[sources.{provider}.operations]"
            )
            yield view.problem(each.key, ids.UNMADE_OPERATION, message, at="key", layer=each.layer)
