"""The text of a first policy: what differs between environments, on top of the policies that come with the package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from resilience.catalog import catalogue, providers
from resilience.policyfile.files.policy_file import BUILTIN, builtin_names

PURPOSES: Final[Mapping[str, tuple[str, ...]]] = {
    "dev": ("dev", "development", "local", "test"),
    "staging": ("staging", "stage", "qa", "preprod"),
    "prod": ("prod", "production", "live"),
}
"""What environments are for, and the names that tell."""

_HEAD: Final = """\
#:schema ./policy.schema.json
# What to do when a management call fails. Editors read the schema that the first line names; it comes from
# `resilience schema > policy.schema.json`.
#
# Check it with `resilience check {file}`, use it with Policy.load("{file}", env="NAME") or RESILIENCE_ENV=NAME.
# Each paragraph says why its values are what they are: change both together.

# The version of this format, not of this file.
schema = 1

# How this policy is called in traces.
name = "{name}"

# The rules for what the services answer, each with its reason and its source:
{services}
# What stands below is merged on top of them; a rule of the same name replaces theirs.
extends = [{extends}]

# A code without a rule fails at once, until someone has read up on it: a retry could do harm.
unknown = "fail"

# ---------------------------------------------------------------- limits of one call

# Attempts, waits, refreshes and verifications together. Five minutes, because a script that sets things up may have to
# wait for an instance that it has just bought. How long one attempt may take, how many there are and how long "it is
# not there" is not yet believed stand in the files above; a key of the same name here replaces theirs.
[limits]
deadline = "5m"

# ---------------------------------------------------------------- rules of your own

# Write a code as the service spells it; "Operation/Code" narrows it to an operation. The value is an action: retry,
# refresh, rename, verify, accept, fail, or one that a file above names, such as patient: refused before it ran, so
# wait and repeat without using up attempts. Say why, and where you read it.
{example}
"""

_EXAMPLE: Final = """\
# [rules.{provider}]
# "SomeOperation/SomeCode" = "patient"
"""

_DEV: Final = """
# ---------------------------------------------------------------- {env}: fail fast

# Somebody sits and waits, and finds out more in a minute than a fourth attempt would. Three attempts of 10 s, the
# waits between them and a short time to settle fit into that minute.
[env.{env}.limits]
deadline = "1m"
attempt_timeout = "10s"
max_attempts = 3
settle = "10s"
"""

_STAGING: Final = """
# ---------------------------------------------------------------- {env}: rehearse

# A pipeline starts again and again and waits longer than a person, but gives up on a step some day.
[env.{env}.limits]
deadline = "8m"

# Seeded faults, to see this policy at work before it is needed: remove the # to have one in twenty attempts fail,
# half of those after the service has done its work. The same seed brings the same faults.
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

# Nobody watches, and a run that stops halfway costs more than one that takes ten minutes.
# A list is believed later than elsewhere: to take "not there yet" for "not there" would make a thing twice.
[env.{env}.limits]
deadline = "10m"
settle = "1m"

# Other jobs share the account and its limits: step back further than a script that is alone.
[env.{env}.backoff.throttled]
cap = "30s"
"""

_OTHER: Final = """
# ---------------------------------------------------------------- {env}

# Nothing differs from the plain values yet. Whatever stands above may stand here too, under its name with
# env.{env} before it.
[env.{env}]
# [env.{env}.limits]
# deadline = "2m"
"""

_TEXTS: Final = {"dev": _DEV, "staging": _STAGING, "prod": _PROD}


def starter(chosen: Sequence[str], environments: Iterable[str], *, file: str) -> str:
    """
    Return the text of a policy that can be used as it stands.

    Args:
        chosen: The providers; at least one, each with a policy that comes with the package.
        environments: The environments. What one is for is read from its name, see ``PURPOSES``; any
            other name gets a section to be filled in.
        file: What the file will be called; without its ending it is the name of the policy.

    Raises:
        ValueError: No provider, or one that nothing is known about; or a name that cannot stand in the file as it is.
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
        services="\n".join(f"# {BUILTIN}{_policy(each)} for {_service(each)}." for each in services),
        extends=", ".join(f'"{BUILTIN}{_policy(each)}"' for each in services),
        example="".join(_EXAMPLE.format(provider=each) for each in services).rstrip(),
    )
    return head + "".join(_TEXTS.get(_purpose(env), _OTHER).format(env=env, **first) for env in wanted)


def is_bare(word: str) -> bool:
    """Tell whether a word can be a key of TOML without quotes."""
    return word.isascii() and word.replace("-", "").replace("_", "").isalnum()


def _purpose(env: str) -> str:
    return next((purpose for purpose, names in PURPOSES.items() if env.lower() in names), "")


def _policy(provider: str) -> str:
    """Return the name of a provider's policy, without ``builtin:``."""
    usual = f"{provider}-mqtt"
    return usual if usual in builtin_names() else provider


def _service(provider: str) -> str:
    known = catalogue(provider)
    return f"{known.service} ({known.vendor})" if known.vendor else known.service
