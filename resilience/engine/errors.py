"""Our own exceptions, for what the executor did; a refusal of the service leaves as the service's own exception."""

from __future__ import annotations

from typing import ClassVar, Literal

from resilience.core.fault import Effect, Fault


class ServiceError(Exception):
    """
    A service's refusal without an exception of an SDK: the function returned it as a value, or uses no SDK.

    Raise it from a wrapped function that calls a service without an SDK.

    Attributes:
        fault: The fault, with the code.
        answer: The returned value that is a refusal; None if the function raised this error.
    """

    __module__ = "resilience"  # where users import it from

    def __init__(  # noqa: PLR0913  # one keyword for each thing that a service may say
        self,
        code: str | None,
        message: str = "",
        *,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        effect: Effect | None = None,
        provider: str | None = None,
    ) -> None:
        super().__init__(code, message)
        self.message = message
        self.fault = Fault(
            provider=provider,
            code=code,
            status=status,
            request_id=request_id,
            retry_after=retry_after,
            effect=effect,
            error="resilience.ServiceError",
            message=message or None,
        )
        self.answer: object = None

    @classmethod
    def of(cls, fault: Fault, message: str = "", *, answer: object = None) -> ServiceError:
        """Return the error for a fault that was found in a returned value."""
        error = cls(fault.code, message)
        error.fault, error.answer = fault, answer
        return error

    def __str__(self) -> str:
        """Return the fault's label and the message."""
        return f"{self.fault.label}: {self.message}" if self.message else self.fault.label


class Refused(Exception):  # noqa: N818  # it says what we did
    """
    We did not send a request, for the sake of a limit that calls share.

    Its ``__cause__`` is what the call's last attempt failed with, if one was made.

    Attributes:
        operation: The operation.
        retry_after: When it is worth asking again, in seconds; None where that is unknown.
    """

    __module__ = "resilience"  # where users import it from

    _why: ClassVar[str] = "a limit that calls share refused it"
    _unknown: ClassVar[str] = ""

    def __init__(self, operation: str, retry_after: float | None = None) -> None:
        super().__init__(operation, retry_after)
        self.operation = operation
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Say which limit it was, and when it is worth asking again."""
        after = self.retry_after
        again = self._unknown if after is None else f"; ask again in {after:.3g} s"
        return f"{self.operation}: {self._why}{again}"


class BreakerOpen(Refused):
    """The breaker of the provider or the operation is open: the calls before this one have failed."""

    __module__ = "resilience"  # where users import it from

    _why: ClassVar[str] = "its breaker is open: calls before it failed, or a person opened it"
    _unknown: ClassVar[str] = "; it is unknown for how long"


class BudgetExhausted(Refused):
    """The failed attempt is not made again: calls of its provider have used up the retries that they share."""

    __module__ = "resilience"  # where users import it from

    _why: ClassVar[str] = "the retry budget of its provider is used up, so the failed attempt is not made again"
    _unknown: ClassVar[str] = "; ask again when other calls have succeeded"


class RateExceeded(Refused):
    """The limits of the rate have no place for the call before its deadline."""

    __module__ = "resilience"  # where users import it from

    _why: ClassVar[str] = "the rate limits have no place for it before its deadline"


class DeadlineExceeded(Exception):  # noqa: N818  # the name that gRPC gave it
    """
    The executor cut an attempt or a remedy short; ``__cause__`` is the last exception of the service, if any.

    Attributes:
        operation: The operation.
        limit: The name of the limit; ``lease`` is that of the ledger.
        seconds: The length of the limit, in seconds.
        what: The part of the call that was cut short: ``attempt 3``, ``refresh``, ``verify``.
    """

    __module__ = "resilience"  # where users import it from

    def __init__(
        self, operation: str, limit: Literal["deadline", "attempt_timeout", "lease"], seconds: float, what: str
    ) -> None:
        super().__init__(operation, limit, seconds, what)
        self.operation = operation
        self.limit = limit
        self.seconds = seconds
        self.what = what

    def __str__(self) -> str:
        """Return the part that was cut short, and the limit."""
        return f"{self.operation}: {self.what} was cut short by {self.limit} ({self.seconds:g} s)"


class RemedyFailed(Exception):  # noqa: N818  # the public name
    """
    A remedy failed, or an earlier rename refuses a call; ``__cause__`` is the reason of a failed remedy.

    Attributes:
        remedy: ``refresh`` or ``verify`` if that failed. ``rename`` if an earlier rename gave the name that the call
            asks for to another resource; the executor then sent nothing.
        reason: The failure in words, without the text of the cause.
    """

    __module__ = "resilience"  # where users import it from

    def __init__(self, remedy: Literal["refresh", "verify", "rename"], reason: str) -> None:
        super().__init__(remedy, reason)
        self.remedy = remedy
        self.reason = reason

    def __str__(self) -> str:
        """Return the remedy and the reason."""
        return f"{self.remedy}: {self.reason}"
