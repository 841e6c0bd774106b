"""
The catalogue as one page: every code and every operation, and what a policy does about each.

The page is complete without its script, which adds the search. The page loads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from resilience.cli.codes.entries import provider_entry
from resilience.cli.pages.rendering import asset, only_script, render
from resilience.policyfile import Policy


def page(found: Mapping[str, Policy | None]) -> str:
    """
    Return the page.

    Args:
        found: The providers, each with the policy whose answers are shown; None for no answers.
    """
    entries = [provider_entry(provider, policy) for provider, policy in found.items()]
    answers = [answer for each in entries for code in (*each.codes, *each.bare) for answer in code.answers]
    return render(
        "codes.html.j2",
        title="Error codes and operations",
        security=only_script(asset("codes.js")),
        providers=entries,
        codes=sum(len(each.codes) for each in entries),
        operations=sum(len(each.operations) for each in entries),
        verbs=_options(answer.verb for answer in answers),
        repeats=_options(operation.repeat for each in entries for operation in each.operations),
    )


def _options(values: Iterable[str]) -> list[tuple[str, str]]:
    """Return the options of a choice, each with its words; an empty value is none."""
    return [(value, value) for value in sorted({*values} - {""})]
