"""The values of `[credentials]`: when credentials are renewed, and where new ones come from."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

SourceKind = Literal["assume_role", "command", "file"]
"""The source of new credentials: a role of the token service, the output of a command, or a file."""


@frozen(kw_only=True)
class CredentialSource:
    """
    The source of new credentials of one provider, for clients with fixed temporary keys.

    Attributes:
        kind: The kind of source; only the values of this kind are set.
        role: The role, as the service names it.
        endpoint: The host of the token service, with ``http://`` before it only for a sandbox; None for the provider's.
        session_name: The name of the session in the service's audit log; None for our default.
        duration: The lifetime of the keys, in seconds; None for the service's default.
        region: The region that signs; None for any.
        key_variables: The environment variables with the id and the secret of the long-lived keys; empty for those
            that the vendor's tools read.
        command: The program and its arguments.
        file: The file.
        written: The command and the file as in the policy, so that its digest is the same on every machine.
    """

    kind: SourceKind
    role: str | None = None
    endpoint: str | None = None
    session_name: str | None = None
    duration: float | None = None
    region: str | None = None
    key_variables: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    file: str | None = None
    written: tuple[str, ...] = field(default=(), eq=False)


@frozen(kw_only=True)
class CredentialLimits:
    """
    The limits of refreshes of one provider's credentials; durations in seconds.

    Attributes:
        refresh_before: The time before expiry at which credentials are renewed.
        max_refreshes: The most refreshes in one call.
        cool_down: The time during which other calls get the failure of a refresh instead of a new refresh.
        source: The source, for programs that have no other source; None if the policy names none.
    """

    refresh_before: float = 300.0
    max_refreshes: int = 1
    cool_down: float = 5.0
    source: CredentialSource | None = None
