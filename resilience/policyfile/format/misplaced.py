"""Hints for tables and keys in the wrong place or the wrong order: where they belong."""

from __future__ import annotations

from typing import Final

from resilience.catalog import providers
from resilience.policyfile.format.tables import LIMITS, NAMED, OF_PROVIDERS, TABLES
from resilience.policyfile.messages.wording import dotted

_OF_PROVIDERS: Final = OF_PROVIDERS | {"operations", "sources"}

ENVIRONMENT_KEYS: Final = frozenset({"production", "unknown", "limits", "rules", "actions", "backoff", *OF_PROVIDERS})
"""Keys of ``[env.NAME]`` that people often write into ``[env]``."""


def top_hint(key: str, value: object, *, env: str | None) -> str:
    """
    Return a hint for an unknown key at the top of a policy or of an environment: where the key belongs.

    Args:
        key: The unknown key.
        value: Its value.
        env: The environment that holds the key; None for the top of the file.

    Returns:
        The hint; an empty text if there is no guess.
    """
    if not isinstance(value, dict):
        holder = "[limits]" if env is None else f"[{dotted(('env', env, 'limits'))}]"
        return f"; {key} belongs in {holder}" if key in LIMITS else ""
    if env is not None or not value:
        return ""
    tables = [name for name in value if name in TABLES or name == "env"]
    if (key in providers() or key == "transport") and tables:
        return f"; the table comes first: [{dotted((tables[0], key))}]"
    if key in providers() or key == "transport":
        return f"; rules stand in [{dotted(('rules', key))}]"
    if list(value) == ["env"] and isinstance(value["env"], dict) and value["env"]:
        return f"; an environment is written [{dotted(('env', key, next(iter(value['env']))))}]"
    if all(name in ENVIRONMENT_KEYS for name in value):
        inner = next((name for name, each in value.items() if isinstance(each, dict)), None)
        return f"; an environment is written [{dotted(('env', key, *(() if inner is None else (inner,))))}]"
    return ""


def inner_hint(path: tuple[str, ...], value: object) -> str:
    """Return a hint for tables such as ``[limits.prod]`` and ``[actions.prod.NAME]``; empty for another table."""
    if not isinstance(value, dict) or not value:
        return ""
    table, name = path[0], path[-1]
    if table == "limits" and len(path) == 2:  # noqa: PLR2004  # a table and a name in it
        names = value if name == "env" else {name: value}
        for each, inner in names.items():
            if isinstance(inner, dict) and inner and all(key in LIMITS for key in inner):
                return f"; for an environment write [{dotted(('env', each, table))}]"
    if table in ("actions", "backoff") and all(key in NAMED[table] for key in value):
        return f"; for an environment write [{dotted(('env', path[1], table, name))}]"
    return ""


def environment_hint(env: str, key: str, value: object) -> str:
    """Return a hint for an environment with the name of a table, as in ``[env.limits]``; empty for another name."""
    if env not in TABLES or env in ("env", "lint"):
        return ""
    inner = (env, key) if isinstance(value, dict) and (key in providers() or key == "transport") else (env,)
    return f"; an environment needs a name: [{dotted(('env', 'NAME', *inner))}]"


def table_hint(path: tuple[str, ...]) -> str:
    """Return a hint for a value that stands where a table with a name is expected; empty if there is no guess."""
    if len(path) != 2:  # noqa: PLR2004  # a table and a name in it
        return ""
    table, key = path
    if table in _OF_PROVIDERS and key not in providers() and key != "provider":
        return f"; {key} belongs in a table with a provider's name, such as [{table}.{providers()[0]}]"
    if key in NAMED.get(table, ()):
        also = ", or in [backoff.default]" if table == "backoff" else ""
        return f"; {key} belongs in a table with a name, [{table}.NAME]{also}"
    return ""
