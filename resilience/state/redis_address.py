"""The address of a Redis or Valkey server, and how its certificate is checked."""

from __future__ import annotations

import re
import ssl
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from attrs import field, frozen

_PORT: Final = 6379
_URL: Final = re.compile(
    r"(?P<scheme>\w+)://(?:(?P<who>.*)@)?(?P<host>\[[^\]@]*\]|[^@/?#:]*)(?::(?P<port>\d+))?"
    r"(?:/(?P<db>\d*))?(?:\?(?P<query>[^@]*))?",
    re.DOTALL,
)
# In a url these stand for something else. Where they stand in a password all the same, it is written as it is.
_RESERVED: Final = frozenset("/?#[]@")
_NO: Final = frozenset({"false", "no", "0"})
_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname", "ssl_cert_reqs")


class AddressError(ValueError):
    """An address cannot be used; the message says why, and shows no password."""


@frozen
class RedisAddress:
    """
    Where a server is.

    Attributes:
        host: Its name or its IP address.
        port: Its port.
        db: The number of its database.
        user: The user of its access list; None for the default one.
        password: The password; None for none.
        tls: The context for TLS; None without TLS.
    """

    host: str
    port: int
    db: int
    user: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None


def redis_address(url: str) -> RedisAddress:
    """
    Return the address that a url means.

    A password may stand in it as it is, or with the marks of a url as ``%40``. With ``rediss://`` the certificate has
    to be the host's, of a known authority: ``?ssl_ca_certs=`` names the file of another one, ``ssl_certfile=`` and
    ``ssl_keyfile=`` those of the program's own certificate, ``ssl_check_hostname=false`` takes that of any host, and
    ``ssl_cert_reqs=none`` takes any certificate.

    Raises:
        AddressError: It means none, or a file of it cannot be used.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise AddressError("the url cannot be read; expected redis://user:password@host:port/0")
    options = dict(parse_qsl(found["query"] or "", keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS:
            raise AddressError(f"the url has an unknown option; expected one of {', '.join(_OPTIONS)}")
    user, password = _credentials(found["who"] or "")
    has_tls = found["scheme"] in {"rediss", "valkeys"}
    return RedisAddress(
        host=found["host"].strip("[]") or "localhost",
        port=int(found["port"] or _PORT),
        db=int(found["db"] or 0),
        user=user or None,
        password=password or None,
        tls=_context(options) if has_tls else None,
    )


def _credentials(who: str) -> tuple[str, str]:
    user, _, password = who.partition(":")
    return (user, password) if _RESERVED & set(who) else (unquote(user), unquote(password))


def _context(options: dict[str, Any]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
        if "ssl_certfile" in options:
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"))
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise AddressError(f"the files of its certificates cannot be used ({reason}); check the paths") from None
    if options.get("ssl_cert_reqs") == "none":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif options.get("ssl_check_hostname", "").lower() in _NO:
        context.check_hostname = False
    return context
