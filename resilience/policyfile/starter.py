"""Writes a first policy: one that extends the policies of the package, with a table for each environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from resilience.catalog import catalogue, providers
from resilience.policyfile.files.policy_file import BUILTIN, builtin_names
from resilience.policyfile.policy import Policy

PURPOSES: Final[Mapping[str, tuple[str, ...]]] = {
    "dev": ("dev", "development", "local", "test"),
    "staging": ("staging", "stage", "qa", "preprod"),
    "prod": ("prod", "production", "live"),
}
"""The purposes of environments, with the names that imply them."""

_WIDTH: Final = 120

_HEAD: Final = """\
#:schema ./policy.schema.json
# What to do when a management call fails. Editors read the schema that the first line names; it comes from
# `resilience schema > policy.schema.json`.
#
# Check it with `resilience check {file}`, use it with Policy.load("{file}", env="NAME") or RESILIENCE_ENV=NAME.
# Each paragraph gives the reason for its values: change both together.

# The version of this format, not of this file.
schema = 1

# The name of this policy in traces.
name = "{name}"

# The rules for what the services answer, each with its reason and its source:
{services}
# This file is merged on top of them; a rule of the same name replaces theirs.
{extends}

# A code without a rule fails at once, because a retry could do harm. Read about the code, then write a rule.
unknown = "fail"

{sources}# ---------------------------------------------------------------- limits of one call

# Attempts, waits, refreshes and verifications together. Five minutes, because a script may have to wait until a service
# has finished what it was asked to make or to remove. The files above set attempt_timeout, max_attempts and settle; a
# key of the same name here replaces theirs.
[limits]
deadline = "5m"

# ---------------------------------------------------------------- limits of all calls

# The rates that the services document stand in the files above: calls wait, so that none is refused for its rate.
# What only you know belongs here: how many equal processes share these rates, how many attempts may be under way at
# once, and how many retries an outage may cost. Remove the # of what you need.
{shared}

# ---------------------------------------------------------------- the next run

# What was started and what was done, so that a run after a crash, or the second run of a fleet, does nothing twice and
# sends nothing for what is done. One file on this machine; `resilience ledger list` shows it.
# [ledger]
# path = ".resilience/ledger.db"

# ---------------------------------------------------------------- rules of your own

# Write a code as the service spells it; "Operation/Code" narrows it to an operation. The value is an action: retry,
# refresh, rename, verify, accept, fail, or one that a file above names. One of those is patient: the service refused
# the call before it ran, so wait and repeat without using up attempts. Say why, and where you read it.
{example}
"""

_EXAMPLE: Final = """\
# [rules.{provider}]
# "SomeOperation/SomeCode" = "patient"
"""

_SHARED: Final = """\
# [rate.{provider}]
# share = 2
# concurrency = 16
# [budget.{provider}]
# kind = "ratio"
# ratio = 0.2
# [breaker.{provider}]
# failure_rate = 0.5
# window = "1m"
"""

_SOURCES: Final = """\
# ---------------------------------------------------------------- where it is

# The hosts of your own broker, with a port where other services have the same host. Without this table, each request of
# a library for HTTP counts as one to the broker. Remove the #.
{hosts}

"""

_HOSTS: Final = """\
# [sources.{provider}]
# hosts = ["{provider}.example.com"]
"""

_DEV: Final = """
# ---------------------------------------------------------------- {env}: fail fast

# A developer waits for the result, and a fourth attempt would not help. Three attempts of 10 s, the waits between them
# and a short time to settle fit into one minute.
[env.{env}.limits]
deadline = "1m"
attempt_timeout = "10s"
max_attempts = 3
settle = "10s"
"""

_STAGING: Final = """
# ---------------------------------------------------------------- {env}: rehearse

# A pipeline can wait longer than a person, but each of its steps has a limit too.
[env.{env}.limits]
deadline = "8m"

# Seeded faults, for a rehearsal of this policy: remove the # to let one in twenty attempts fail, half of them after
# the service has done its work. The same seed gives the same faults.
# [env.{env}.chaos]
# seed = 1
# [env.{env}.chaos.{provider}]
# "{code}" = {{ rate = 0.025 }}
# "lost" = {{ rate = 0.025, applied = true }}
"""

_PROD: Final = """
# ---------------------------------------------------------------- {env}: wait, and be sure

# Production: seeded faults are refused here.
[env.{env}]
production = true

# A run that stops halfway costs more than one that takes ten minutes.
# settle is longer than elsewhere: taking "not there yet" for "not there" would create the resource twice.
[env.{env}.limits]
deadline = "10m"
settle = "1m"

# Other jobs share the account and its limits, so waits grow longer than for a single script.
[env.{env}.backoff.throttled]
cap = "30s"
"""

_OTHER: Final = """
# ---------------------------------------------------------------- {env}

# Nothing differs from the plain values yet. Every table above may stand here too, with env.{env} before its name.
[env.{env}]
# [env.{env}.limits]
# deadline = "2m"
"""

_TEXTS: Final = {"dev": _DEV, "staging": _STAGING, "prod": _PROD}


def starter(chosen: Sequence[str], environments: Iterable[str], *, file: str) -> str:
    """
    Return the text of a policy that is ready for use.

    Args:
        chosen: The providers; at least one, each with a policy in the package.
        environments: The environments. ``PURPOSES`` gives the purpose of a name; any other name gets an empty
            section.
        file: The name of the file; without its ending it is the name of the policy.

    Raises:
        ValueError: There is no provider, a provider is unknown, or a name needs quotes in TOML.
    """
    unknown = [provider for provider in chosen if provider not in providers()]
    if unknown or not chosen:
        raise ValueError(f"expected one or more of {', '.join(providers())}, got {', '.join(unknown) or 'none'}")
    wanted = dict.fromkeys(environments)
    for word in (file.removesuffix(".toml"), *wanted):
        if not is_bare(word):
            raise ValueError(f"expected a name of letters, digits, - and _, got {word!r}")
    services = list(dict.fromkeys(chosen))
    first = {"provider": services[0], "code": catalogue(services[0]).early_code or "lost"}
    head = _HEAD.format(
        name=file.removesuffix(".toml"),
        file=file,
        services="\n".join(f"# {BUILTIN}{policy_of(each)} for {_service(each)}." for each in services),
        extends=_extends([f'"{BUILTIN}{policy_of(each)}"' for each in services]),
        sources=_sources(services),
        shared="".join(_SHARED.format(provider=each) for each in services).rstrip(),
        example="".join(_EXAMPLE.format(provider=each) for each in services).rstrip(),
    )
    return head + "".join(_TEXTS.get(_purpose(env), _OTHER).format(env=env, **first) for env in wanted)


def _sources(services: Sequence[str]) -> str:
    """Return the paragraph about hosts; empty where the policies of the package know them, or need none."""
    found = []
    for provider in services:
        name = policy_of(provider)
        api = Policy.load(f"{BUILTIN}{name}").apis.get(provider) if name in builtin_names() else None
        if api is not None and not api.hosts:
            found.append(_HOSTS.format(provider=provider))
    return _SOURCES.format(hosts="".join(found).rstrip()) if found else ""


def _extends(names: Sequence[str]) -> str:
    """Return the entry for ``extends``: one line, or one for each name where they are many."""
    line = f"extends = [{', '.join(names)}]"
    return line if len(line) <= _WIDTH else "\n".join(("extends = [", *(f"    {each}," for each in names), "]"))


def is_bare(word: str) -> bool:
    """Tell whether a word can be a key of TOML without quotes."""
    return word.isascii() and word.replace("-", "").replace("_", "").isalnum()


def _purpose(env: str) -> str:
    return next((purpose for purpose, names in PURPOSES.items() if env.lower() in names), "")


def policy_of(provider: str) -> str:
    """Return the name of a provider's own policy, without ``builtin:``; there is none if no file has the name."""
    usual = f"{provider}-mqtt"
    return usual if usual in builtin_names() else provider


def _service(provider: str) -> str:
    known = catalogue(provider)
    return f"{known.service} ({known.vendor})" if known.vendor else known.service
