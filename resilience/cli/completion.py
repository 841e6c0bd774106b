"""
What a shell may complete: files, policies, environments, operations, and the functions of a fleet.

Every command imports this module, so it imports policies and catalogues only when a shell asks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from resilience.policyfile import Policy


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete a file."""
    return [CompletionItem(incomplete, type="file")]


def policies(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete ``builtin:NAME`` where that is begun; else let the shell complete a file."""
    from resilience.policyfile.files.policy_file import BUILTIN, builtin_names  # noqa: PLC0415  # see above

    found = [f"{BUILTIN}{name}" for name in builtin_names()]
    found = [name for name in found if incomplete and name.startswith(incomplete)]
    return [CompletionItem(name) for name in found] or [CompletionItem(incomplete, type="file")]


def environments(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the environments of the policy that stands in the line before."""
    policy = _policy(ctx)
    return [] if policy is None else _beginning(policy.environments, incomplete)


def operations(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the operations of the catalogues, and those that the policy declares."""
    from resilience.catalog import catalogue, providers  # noqa: PLC0415  # see above

    policy = _policy(ctx)
    names = {name for provider in providers() for name in catalogue(provider).operations}
    if policy is not None:
        names |= {name for declared in policy.operations.values() for name in declared}
    return _beginning(sorted(names), incomplete)


def functions(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete ``MODULE:FUNCTION`` from the modules of this folder, which are read and not run."""
    found = [f"{path.stem}:{name}" for path in sorted(Path.cwd().glob("*.py")) for name in _defined(path)]
    return _beginning(found, incomplete)


def _policy(ctx: click.Context) -> Policy | None:
    from resilience.policyfile import Policy, PolicyError  # noqa: PLC0415  # see above

    name = ctx.params.get("policy")
    if not name:
        return None
    try:
        return Policy.load(name)
    except (PolicyError, OSError, ValueError):
        return None


def _defined(path: Path) -> Iterator[str]:
    """Yield the names of the public functions of a module, in its order."""
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for each in module.body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and not each.name.startswith("_"):
            yield each.name


def _beginning(names: list[str] | tuple[str, ...], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
