"""The options of ``resilience simulate`` that belong to a fleet, and the types of options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from resilience.cli.completion import policies
from resilience.core.admission.rate import Rate
from resilience.core.grammar.durations import seconds as parse_duration

_F = TypeVar("_F", bound=Callable[..., Any])


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic only for the type checker of newer clicks
    """A length of time."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return a duration in seconds."""
        found = parse_duration(str(value))
        if found is None:
            self.fail(f'expected a duration such as "250ms" or "1m30s", got {str(value)!r}', param, ctx)
        return found


class Limit(click.ParamType):  # type: ignore[type-arg]  # likewise
    """A rate."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Rate:
        """Return a rate."""
        try:
            return Rate.of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


# The options that mean nothing for one call, by the names of their parameters.
_OF_FLEETS: Final[Mapping[str, str]] = {
    "limit": "--limit",
    "counting": "--counting",
    "others": "--others",
    "concurrency": "--concurrency",
    "compare": "--compare",
    "compare_env": "--compare-env",
}


def fleet_options(function: _F) -> _F:
    """Add ``--fleet``, and the options that need it."""
    for add in reversed(
        (
            click.option(
                "--fleet",
                type=click.IntRange(min=1),
                metavar="CALLS",
                help="Make this number of calls, some at a time.",
            ),
            click.option(
                "--limit", type=Limit(), metavar="RATE", help='With --fleet: what the service takes, such as "100/s".'
            ),
            click.option(
                "--counting",
                type=click.Choice(["window", "bucket"]),
                help="With --fleet: the service counts any window, the default, or has a token bucket.",
            ),
            click.option(
                "--others",
                type=click.FloatRange(0, 1, max_open=True),
                metavar="SHARE",
                help="With --fleet: other programs use this share of the limit.",
            ),
            click.option(
                "--concurrency",
                type=click.IntRange(min=1),
                metavar="N",
                help="With --fleet: how many calls are under way at a time.",
            ),
            click.option(
                "--compare",
                metavar="FILE",
                help="With --fleet: another policy, or builtin:NAME, for the same calls.",
                shell_complete=policies,
            ),
            click.option(
                "--compare-env", metavar="NAME", help="The environment of that policy; default: that of --env."
            ),
        )
    ):
        function = add(function)
    return function


def refuse_fleet_options(options: Mapping[str, Any]) -> None:
    """
    Refuse the options of a fleet where one call is played.

    Raises:
        click.UsageError: There is one.
    """
    given = [option for name, option in _OF_FLEETS.items() if options[name] is not None]
    if given:
        verb = "needs" if len(given) == 1 else "need"
        raise click.UsageError(f"{', '.join(given)}: {verb} --fleet, the number of calls")


def check_fleet_options(options: Mapping[str, Any]) -> None:
    """
    Refuse what a fleet cannot be played with.

    Raises:
        click.UsageError: An option is missing, or means nothing.
    """
    if options["limit"] is None:
        raise click.UsageError('--fleet needs --limit, what the service takes, such as "100/s"')
    if options["name"] is not None:
        raise click.UsageError("--name: each call of a fleet has a name of its own; leave it out")
    if options["compare_env"] is not None and options["compare"] is None:
        raise click.UsageError("--compare-env needs --compare, the other policy")
