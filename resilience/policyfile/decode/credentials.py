"""Builds the renewal and the source of credentials from merged settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resilience.catalog import providers_of
from resilience.core.settings.credentials import CredentialLimits, CredentialSource
from resilience.policyfile.decode.backoffs import misplaced
from resilience.policyfile.decode.layers import Stack
from resilience.policyfile.format.rows import keys_of
from resilience.policyfile.format.tables import CREDENTIALS, SOURCE_KEYS
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.wording import listed, quoted
from resilience.policyfile.report import Report
from resilience.policyfile.settings import Entries, Settings

ReadPath = Callable[[tuple[str, ...], str], str]
"""Resolves a path that stands at a place of the policy, and reports its problems."""

_NEEDED: Final = {"assume_role": "role", "command": "command", "file": "file"}
_EXAMPLES: Final = {"role": '"acs:ram::123:role/name"', "command": '["vault", "read", "..."]', "file": '"keys.json"'}
_ASSUME_ROLE: Final = "AssumeRole"


def build_credentials(
    settings: Settings, stack: Stack, report: Report, read_path: ReadPath
) -> dict[str, CredentialLimits]:
    """Return the settings of credentials by provider, and report the problems of their sources."""
    built = {}
    for provider, entries in settings.credentials.items():
        source = _source(provider, entries, stack, report, read_path)
        limits = {key: value for key, value in entries.items() if key != "source" and key not in SOURCE_KEYS}
        built[provider] = CredentialLimits(**limits, source=source)
    return built


def _source(
    provider: str, entries: Entries, stack: Stack, report: Report, read_path: ReadPath
) -> CredentialSource | None:
    def complain(key: str, rule: str, message: str, *, at_key: bool = False) -> None:
        path = ("credentials", provider, key)
        report.add(stack.setter(path) or stack.root, path, rule, message, at="key" if at_key else "value")

    kind = entries.get("source")
    given = [key for key in entries if key in SOURCE_KEYS]
    if kind is None:
        is_unread = any("source" in _table(layer.table, provider) for layer in stack.layers)
        for key in [] if is_unread else given:
            word = CREDENTIALS[key].only[0]
            message = f'{key} means nothing for credentials without a source; write source = "{word}" beside it'
            complain(key, ids.NOT_APPLICABLE, message, at_key=True)
        return None
    foreign = misplaced(given, CREDENTIALS, kind)
    for key in foreign:
        known = listed([each for each in keys_of(CREDENTIALS, kind) if each in SOURCE_KEYS])
        message = f'{key} means nothing for the source "{kind}", which knows {known}'
        complain(key, ids.NOT_APPLICABLE, message, at_key=True)
    needed = _NEEDED[kind]
    if needed not in entries and needed not in _table_keys(stack, provider):
        complain("source", ids.MISSING, f'the source "{kind}" needs {needed}; write {needed} = {_EXAMPLES[needed]}')
        return None
    able = providers_of(_ASSUME_ROLE)
    if kind == "assume_role" and provider not in able:
        message = (
            f"only {listed(able)} have roles to assume, got {quoted(provider)}; "
            'write source = "command" or source = "file"'
        )
        complain("source", ids.NOT_APPLICABLE, message)
        return None
    values = {key: entries[key] for key in given if key not in foreign}
    written = (*values.get("command", ()), *([values["file"]] if "file" in values else []))
    if "file" in values:
        values["file"] = read_path(("credentials", provider, "file"), values["file"])
    if (command := values.get("command")) and any(sign in command[0] for sign in ("/", "\\", "~", "$")):
        # PATH gives the folder of a bare name, as in a shell.
        values["command"] = (read_path(("credentials", provider, "command"), command[0]), *command[1:])
    return CredentialSource(kind=kind, written=written, **values)


def _table(table: object, provider: str) -> dict[str, object]:
    for key in ("credentials", provider):
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def _table_keys(stack: Stack, provider: str) -> set[str]:
    """Return the keys of a provider's credentials in all layers, with those of unreadable values."""
    return {key for layer in stack.layers for key in _table(layer.table, provider)}
