"""Our own exceptions: they say only what we did. What a service says leaves as the service's own exception."""

from __future__ import annotations

from typing import Literal

from resilience.core.fault import Effect, Fault


class ServiceError(Exception):
    """
    A service's refusal that no exception of an SDK carries: an error that came as a value, or from plain code.

    Raise it from a wrapped function that talks to a service without an SDK.

    Attributes:
        fault: The code and what else is known.
        answer: What the service had answered, where the error came as a value; else None.
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
        """Wrap a fault that was read from a value."""
        error = cls(fault.code, message)
        error.fault, error.answer = fault, answer
        return error

    def __str__(self) -> str:
        """Return the code, or what stands for it, and the message."""
        return f"{self.fault.label}: {self.message}" if self.message else self.fault.label


class DeadlineExceeded(Exception):  # noqa: N818  # the name that gRPC gave it
    """
    We cut an attempt or a remedy short. Its ``__cause__`` is the last exception of the service, if there was one.

    Attributes:
        operation: The operation.
        limit: Which limit it was.
        seconds: How long that limit is.
        what: What was cut short: ``attempt 3``, ``refresh``, ``verify``.
    """

    __module__ = "resilience"  # where users import it from

    def __init__(
        self, operation: str, limit: Literal["deadline", "attempt_timeout"], seconds: float, what: str
    ) -> None:
        super().__init__(operation, limit, seconds, what)
        self.operation = operation
        self.limit = limit
        self.seconds = seconds
        self.what = what

    def __str__(self) -> str:
        """Say what was cut short, and by which limit."""
        return f"{self.operation}: {self.what} was cut short by {self.limit} ({self.seconds:g} s)"


class RemedyFailed(Exception):  # noqa: N818  # it says what we did
    """
    A refresh or a verification failed; its ``__cause__`` is why. Or a rename stands in the way of a call.

    Attributes:
        remedy: ``refresh``, ``verify``, or ``rename``: an earlier one has given the very name that the call asks for to
            another resource. Then nothing was sent.
        reason: What failed, without the text of the cause.
    """

    __module__ = "resilience"  # where users import it from

    def __init__(self, remedy: Literal["refresh", "verify", "rename"], reason: str) -> None:
        super().__init__(remedy, reason)
        self.remedy = remedy
        self.reason = reason

    def __str__(self) -> str:
        """Say which remedy failed, and why."""
        return f"{self.remedy}: {self.reason}"
