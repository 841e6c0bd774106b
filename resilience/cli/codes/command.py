"""``resilience codes``: lists the known error codes, with a policy's action for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text

from resilience.catalog import Catalogue, CodeFacts, catalogue, providers
from resilience.cli.codes.coverage import By, CodeAnswer, CodeRow, rows
from resilience.cli.codes.sdk_codes import SdkCodes, installed, lists
from resilience.cli.completion import environments, policies
from resilience.cli.pages.files import write_page
from resilience.cli.screen import FINDINGS, as_json, console, format_option, load, times
from resilience.policyfile import Policy
from resilience.policyfile.decode.operations import named_providers
from resilience.policyfile.files.policy_file import BUILTIN, builtin_names
from resilience.policyfile.messages.wording import quoted
from resilience.policyfile.starter import policy_of

_HOW: Final[Mapping[By, str]] = {
    "parent": "by the rule for its parent",
    "status": "no rule for every operation; its HTTP status decides",
    "unknown": "no rule for every operation",
}
_NAMED: Final = 3  # the most operations of a code that are named in a line
_STYLES: Final[Mapping[By, str]] = {
    "code": "not bold green",
    "parent": "not bold green",
    "status": "not bold",
    "unknown": "not bold yellow",
}


@click.command()
@click.option("--provider", metavar="NAME", help="Only this provider's codes.")
@click.option(
    "--policy",
    "-p",
    metavar="FILE",
    help="Show the actions of this policy: a file, or builtin:NAME.",
    shell_complete=policies,
)
@click.option("--env", "-e", metavar="NAME", help="The environment of the policy.", shell_complete=environments)
@click.option("--unnamed", is_flag=True, help="Only the codes without a rule in the policy, for them or a parent.")
@click.option(
    "--installed", "compare", is_flag=True, help="Compare the catalogue with the error codes of the installed SDK."
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all codes and operations as a page instead, with search.",
)
@format_option
def codes(  # noqa: PLR0913  # one for each option
    *,
    provider: str | None,
    policy: str | None,
    env: str | None,
    unnamed: bool,
    compare: bool,
    html: Path | None,
    form: str,
) -> None:
    """
    List the error codes of the catalogue.

    Each has its class, effect, meaning, operations and source. With a policy, the list has the codes of the policy's
    providers, the action of each code on any operation, and below it the operations with another rule. With
    --installed, it has the codes that only the SDK on this machine or only the catalogue lists; the exit code is 1 if
    the catalogue lacks a code of the SDK. The SDKs of AWS and Tencent list their codes.
    With --html, a page has every code and every operation, with what the policy does about each: by default that of the
    package for each provider.
    """
    page_clashes = html is not None and (unnamed or compare or form == "json")
    if wrong := _misuse(policy, env, unnamed=unnamed, page_clashes=page_clashes):
        raise click.UsageError(wrong)
    if compare:
        _compare(provider, form)
        return
    read = None if policy is None else load(policy, env)
    named = providers() if read is None else named_providers(read)
    known = dict.fromkeys((*named, *providers()))
    if provider is not None and provider not in known:
        raise click.UsageError(f"unknown provider {provider!r}; expected one of {', '.join(known)}")
    if html is not None:
        _write(html, named if provider is None else (provider,), read)
        return
    found = {each: list(rows(each, read)) for each in (named if provider is None else (provider,))}
    if unnamed:
        found = {each: [row for row in listed if _is_unnamed(row)] for each, listed in found.items()}
    if form == "json":
        as_json([_to_json(each, row) for each, listed in found.items() for row in listed])
        return
    screen = console()
    for each, listed in found.items():
        screen.print(Text(_title(each), style="bold"))
        for line in (*_lines(listed), *_sources(each, listed)):
            screen.print(line)
        if read is not None:
            bare = sum(map(_is_unnamed, listed))
            screen.print(Text(f"{times(len(listed), 'code')}, {bare or 'none'} of them named by no rule"))
        screen.print()


def _misuse(policy: str | None, env: str | None, *, unnamed: bool, page_clashes: bool) -> str:
    """Return what is wrong with options that stand together; empty if nothing is."""
    if page_clashes:
        return "a page has all codes: --html goes without --unnamed, --installed and --format json"
    if policy is None and (unnamed or env is not None):
        return "--unnamed needs --policy" if unnamed else "--env needs --policy"
    return ""


def _write(html: Path, named: Sequence[str], policy: Policy | None) -> None:
    """Write the page; without a policy, each provider has that of the package."""
    # Imported here, because a list needs no jinja2.
    from resilience.cli.codes.page import page  # noqa: PLC0415

    shipped = builtin_names()
    found: dict[str, Policy | None] = dict.fromkeys(named, policy)
    for each in named if policy is None else ():
        own = policy_of(each)
        found[each] = load(f"{BUILTIN}{own}", None) if own in shipped else None
    write_page(html, page(found))
    click.echo(f"wrote {html}")


def _title(provider: str) -> str:
    if provider not in providers():
        return f"{provider} (not in the catalogue)"
    known = catalogue(provider)
    return f"{known.service} ({provider}, {known.product} {known.version})"


def _is_unnamed(row: CodeRow) -> bool:
    return (
        row.answer is not None
        and row.answer.by in {"status", "unknown"}
        and not (row.answer.narrower or row.answer.by_message)
    )


def _lines(listed: Sequence[CodeRow]) -> Iterator[Text]:
    """Yield for each code a line of facts, and below it the meaning and the other rules."""
    width = max((len(row.code) for row in listed), default=0)
    actions = max((len(row.answer.action) for row in listed if row.answer is not None), default=0)
    action = f"{'action':{actions}}  " if actions else ""
    yield Text(f"{'code':{width}}  {action}class, effect", style="dim")
    for row in listed:
        line = Text(f"{row.code:{width}}  ", style="bold")
        if row.answer is not None:
            line.append(f"{row.answer.action:{actions}}  ", style=_STYLES[row.answer.by])
        facts = row.facts
        line.append(
            "not in the catalogue" if facts is None else f"{facts.class_}, {facts.effect}", style="not bold dim"
        )
        yield line
        if facts is not None:
            yield Text(f"  {facts.meaning}", style="dim")
            yield Text(f"  of {_operations(facts)}; from {facts.source}", style="dim")
        if row.answer is not None:
            yield from _how(row.answer)


def _operations(facts: CodeFacts) -> str:
    """Return the operations that have a code in their documentation, in words."""
    if not facts.operations:
        return "any operation"
    named, more = facts.operations[:_NAMED], len(facts.operations) - _NAMED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _sources(provider: str, listed: Sequence[CodeRow]) -> Iterator[Text]:
    """Yield a line for each source of some codes."""
    cited = {row.facts.source for row in listed if row.facts is not None}
    width = max(map(len, cited), default=0)
    for name, title in catalogue(provider).sources.items() if cited else ():
        if name in cited:
            yield Text(f"{name:{width}}  {title}", style="dim")


def _how(answer: CodeAnswer) -> Iterator[Text]:
    if answer.by != "code":
        yield Text(f"  {_HOW[answer.by]}", style="yellow" if answer.by == "unknown" else "dim")
    for text, action in answer.by_message.items():
        yield Text(f"  if the message has {quoted(text, is_understood=True)}: {action}", style="dim")
    for operation, action in answer.narrower.items():
        yield Text(f"  on {operation}: {action}", style="dim")


def _to_json(provider: str, row: CodeRow) -> dict[str, Any]:
    facts, answer = row.facts, row.answer
    entries: dict[str, Any] = {
        "provider": provider,
        "code": row.code,
        "known": facts is not None,
        "meaning": None if facts is None else facts.meaning,
        "class": None if facts is None else facts.class_,
        "effect": None if facts is None else facts.effect,
        "status": None if facts is None else facts.status,
        "operations": [] if facts is None else list(facts.operations),
        "source": None if facts is None else catalogue(provider).sources[facts.source],
    }
    if answer is not None:
        entries |= {
            "action": answer.action,
            "by": answer.by,
            "rule": None if answer.rule is None else answer.rule.id,
            "at": None if answer.at is None else str(answer.at),
            "narrower": dict(answer.narrower),
            "by_message": dict(answer.by_message),
        }
    return entries


def _compare(provider: str | None, form: str) -> None:
    having = lists()
    if provider is not None and provider not in having:
        raise click.UsageError(f"the SDK of {provider} has no list of its error codes; these have: {', '.join(having)}")
    found = {each: installed(each, catalogue(each).version) for each in having if provider in {None, each}}
    sdks = {each: sdk for each, sdk in found.items() if sdk is not None}
    if not sdks:
        versions = " or ".join(f"{each} with error codes of version {catalogue(each).version}" for each in found)
        raise click.UsageError(f"no SDK is installed of {versions}")
    missing = 0
    entries = []
    for each, sdk in sdks.items():
        ours, theirs = _apart(catalogue(each), sdk)
        missing += len(theirs)
        entries.append(
            {"provider": each, "sdk": sdk.distribution, "version": sdk.version, "missing": theirs, "more": ours}
        )
        if form == "text":
            _show(sdk, theirs, ours)
    if form == "json":
        as_json(entries)
    sys.exit(FINDINGS if missing else 0)


def _apart(known: Catalogue, sdk: SdkCodes) -> tuple[list[str], list[str]]:
    return sorted(known.codes.keys() - sdk.codes), sorted(code for code in sdk.codes if known.code(code) is None)


def _show(sdk: SdkCodes, theirs: Sequence[str], ours: Sequence[str]) -> None:
    screen = console()
    screen.print(Text(f"{sdk.distribution} {sdk.version} lists {times(len(sdk.codes), 'error code')}", style="bold"))
    screen.print(Text("the catalogue knows all of them" if not theirs else "the catalogue lacks:"))
    for code in theirs:
        screen.print(Text(f"  {code}", style="red"))
    screen.print(Text(f"{times(len(ours), 'code')} of the catalogue are from elsewhere", style="dim"))
