"""
Get new keys from the source that a policy names: a role, a command, or a file.

A command prints, and a file has, the JSON of a credential process. All vendors' forms are understood, at the top level
or below ``Credentials``: AWS's ``credential_process`` (AccessKeyId, SecretAccessKey, SessionToken,
Expiration), those of Alibaba Cloud (AccessKeyId or access_key_id, AccessKeySecret, SecurityToken or sts_token,
Expiration), and those of Tencent Cloud (TmpSecretId or secretId, TmpSecretKey or secretKey, Token, ExpiredTime).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any, Final

from resilience.clients import registry
from resilience.clients.common.keys import KeyTriple
from resilience.clients.sts import without_effect
from resilience.core.settings.credentials import CredentialSource

# Seconds that a command may take: it may ask a vault over the network. The waiting call has its own limit too.
_COMMAND_TIMEOUT: Final = 60.0

# A file may be just being written: how many times it is read at most, and the seconds between two reads.
_READS: Final = 5
_PAUSE: Final = 0.05

# An expiry of this number or more is in milliseconds: in seconds it would be the year 5138.
_MILLISECONDS: Final = 1e11

_IDS: Final = ("accesskeyid", "tmpsecretid", "secretid")
_SECRETS: Final = ("secretaccesskey", "accesskeysecret", "tmpsecretkey", "secretkey")
_TOKENS: Final = ("sessiontoken", "securitytoken", "ststoken", "token")
_EXPIRIES: Final = ("expiration", "expiredtime", "expiresat", "expires")
_INSIDE: Final = ("credentials", "response")


class KeySourceError(Exception):
    """The source in the policy gave no new keys; the message shows no part of a key."""


def key_source(provider: str, source: CredentialSource) -> Callable[[], KeyTriple]:
    """
    Return a function that gets new keys; it blocks.

    Args:
        provider: The provider of the keys.
        source: The policy's table ``[credentials.PROVIDER]``.

    Returns:
        A function that raises :class:`KeySourceError`, or the SDK's own exception when it assumes a role.
    """
    match source.kind:
        case "assume_role":
            return lambda: _assume_role(provider, source)
        case "command":
            return lambda: _of_command(source.command)
        case "file":
            return lambda: _of_file(source.file or "")


def _assume_role(provider: str, source: CredentialSource) -> KeyTriple:
    scheme, _, host = (source.endpoint or "").rpartition("://")
    options: dict[str, Any] = {
        "endpoint": host or None,
        "protocol": scheme or None,
        "session_name": source.session_name,
        "duration": None if source.duration is None else int(source.duration),
        "region": source.region,
    }
    given = {name: value for name, value in options.items() if value is not None}
    sdk = registry.of_provider(provider)
    if sdk is None or not sdk.key_variables:
        raise KeySourceError(f"[credentials.{provider}]: nothing is known of roles of this provider")
    keys = _long_lived(provider, sdk.key_variables, source)
    try:
        return without_effect(provider, sdk.assume_role(source.role or "", keys, given))()
    except (ImportError, ValueError) as error:
        raise KeySourceError(f"[credentials.{provider}]: {error}") from error


def _long_lived(provider: str, variables: tuple[str, str, str], source: CredentialSource) -> KeyTriple:
    id_name, secret_name, token_name = variables
    if source.key_variables:
        id_name, secret_name = source.key_variables
    elif os.environ.get(token_name):
        raise KeySourceError(
            f"{id_name} holds temporary keys, since {token_name} is set, and these assume no role; put the long-lived "
            f"ones into other variables, and name them: [credentials.{provider}] key_variables = [...]"
        )
    missing = [name for name in (id_name, secret_name) if not os.environ.get(name)]
    if missing:
        raise KeySourceError(f"{' and '.join(missing)}: expected the long-lived keys in the environment, found nothing")
    return KeyTriple(access_key_id=os.environ[id_name], access_key_secret=os.environ[secret_name])


def _of_command(command: tuple[str, ...]) -> KeyTriple:
    name = Path(command[0]).name
    try:
        # The command's standard error is the program's own. Its output may be a secret.
        done = subprocess.run(  # noqa: S603  # the policy names the command, and no shell runs it
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=_COMMAND_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise KeySourceError(f"{name}: it has not ended within {_COMMAND_TIMEOUT:g} s") from None
    except OSError as error:
        raise KeySourceError(f"{name}: cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        raise KeySourceError(f"{name}: it ended with exit code {done.returncode}")
    return read_keys(done.stdout, f"the output of {name}")


def _of_file(path: str) -> KeyTriple:
    for left in reversed(range(_READS)):
        try:
            return read_keys(Path(path).read_bytes(), path)
        except OSError as error:
            raise KeySourceError(f"{path}: {error.strerror}") from None
        except KeySourceError:
            if not left:
                raise
        sleep(_PAUSE)
    raise AssertionError("a file is read at least once")


def read_keys(text: bytes, name: str) -> KeyTriple:
    """
    Read the JSON of a credential process, in any of the vendors' forms.

    Args:
        text: The JSON, in UTF-8.
        name: The name of the file or command in messages.

    Raises:
        KeySourceError: The text is no such JSON, or a part of the keys is missing. The message shows none of the text.
    """
    try:
        document = json.loads(text)
    except ValueError:
        raise KeySourceError(f"{name}: expected the JSON of a credential process, found something else") from None
    tables = list(_tables(document))
    found = {
        "an id (AccessKeyId, SecretId)": _first(tables, _IDS),
        "a secret (SecretAccessKey, AccessKeySecret, SecretKey)": _first(tables, _SECRETS),
        "a token (SessionToken, SecurityToken, Token)": _first(tables, _TOKENS),
    }
    missing = [what for what, value in found.items() if not isinstance(value, str) or not value]
    if missing:
        raise KeySourceError(f"{name}: expected the JSON of a credential process, found no {', no '.join(missing)}")
    key_id, secret, token = found.values()
    return KeyTriple(
        access_key_id=str(key_id),
        access_key_secret=str(secret),
        security_token=str(token),
        expires_at=_expiry(_first(tables, _EXPIRIES), name),
    )


def _tables(document: object) -> Iterator[Mapping[str, object]]:
    if not isinstance(document, dict):
        return
    plain = {key.replace("_", "").replace("-", "").lower(): value for key, value in document.items()}
    for name in _INSIDE:
        yield from _tables(plain.get(name))
    yield plain


def _first(tables: list[Mapping[str, object]], names: tuple[str, ...]) -> object:
    return next((table[name] for table in tables for name in names if table.get(name) is not None), None)


def _expiry(value: object, name: str) -> float | None:
    match value:
        case None:
            return None
        case bool():
            pass
        case int() | float():
            return value / 1000 if value >= _MILLISECONDS else float(value)
        case str() if value.isdecimal():
            return _expiry(int(value), name)
        case str():
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                pass
            else:
                # All three vendors write times in UTC.
                return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    raise KeySourceError(f"{name}: expected an expiry such as 2026-11-28T12:00:00Z, or seconds since 1970")
