"""The sandbox: the services with their faults and their log."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, Unpack

from attrs import asdict

from resilience.core.admission.rate import Rate
from resilience.sandbox.exchange import HttpRequest, JsonObject, WireAction
from resilience.sandbox.faults import Options, ScriptedFault, make_fault
from resilience.sandbox.http.authority import Authority
from resilience.sandbox.http.control import CONTROL, control
from resilience.sandbox.http.wire import Respond, Wire
from resilience.sandbox.keys import TimeSource
from resilience.sandbox.log import Call
from resilience.sandbox.player import Player
from resilience.sandbox.script import parse_script
from resilience.sandbox.service import Service
from resilience.sandbox.services import EXTRAS, PROVIDERS, ServiceOptions, Services

DEFAULT_CHAOS = ("InternalError", "applied InternalError", "503", "reset", "applied reset", "hangup", "applied hangup")
"""Faults of all services, also after taking effect, so that a blind retry does it twice."""


class Sandbox(Services):
    """
    Management APIs on loopback, with state, signatures, scripted faults and a call log.

    Use it as a context manager, or with ``start`` and ``close``. It runs in its own threads, so it works with plain
    code and with any event loop::

        with Sandbox() as s:
            s.script("alibaba:CreateGroupId", "SystemOverFlow*2, applied lost")
            ...  # point an SDK at s.alibaba.endpoint, with s.alibaba.access_key_id and s.alibaba.access_key_secret
            assert s.applied("CreateGroupId", GroupId="GID_sensors") == 1

    The sandbox checks requests in the vendors' order: first operation, key and signature, then the limits, the faults
    and the state. So a request with a wrong signature uses up no fault. Known operations without state answer with a
    success, which has little more than a RequestId.

    Args:
        host: The address to bind. Beyond loopback everyone who can reach the sandbox can also script it.
        clock: Seconds since the epoch, for expiry and for the tolerance of time stamps. Waits are real.
        options: The port of each service; the system chooses missing ones. Some services are played only if they are
            asked for. See :class:`resilience.sandbox.services.ServiceOptions`.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        clock: TimeSource = time.time,
        **options: Unpack[ServiceOptions],
    ) -> None:
        unknown = options.keys() - {*PROVIDERS, *EXTRAS}
        if unknown:
            raise TypeError(f"Sandbox: unexpected {', '.join(sorted(unknown))}")
        given: Mapping[str, Any] = options
        asked = {PROVIDERS[name] for name in given if name in PROVIDERS}
        super().__init__(
            clock, extras=[name for name, extra in EXTRAS.items() if given.get(name) or extra.provider in asked]
        )
        self._host = host
        self._ports: dict[str, int] = {provider: given.get(port, 0) for port, provider in PROVIDERS.items()}
        self._player = Player(clock)
        self._wire: Wire | None = None
        self._authority = Authority(host)

    def __repr__(self) -> str:
        state = "running" if self._wire else "not running"
        return f"<Sandbox {state}: {', '.join(map(repr, self.services))}, {len(self.calls)} calls>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> Self:
        """
        Bind the ports and begin to answer; does nothing while running.

        State, log, faults and addresses survive a restart. So ``close``, then ``start``, is an outage, during which
        connections are refused.

        Raises:
            OSError: A port is taken.
        """
        if self._wire is not None:
            return self
        wire = Wire(self._host, self._authority)
        try:
            for service in self.services:
                service.authority = self._authority
                service.endpoint = wire.listen(self._ports[service.provider], self._responder(service))
                self._ports[service.provider] = int(service.endpoint.rpartition(":")[2])
        except OSError:
            wire.close()
            raise
        wire.start()
        self._wire = wire
        return self

    def close(self) -> None:
        """Stop at once, also with hanging callers, and drop all waiting late effects."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
            self._authority.close()
            self._player.forget_late()

    # Faults

    def fault(self, operation: str, code: str | None = None, **options: Unpack[Options]) -> ScriptedFault:
        """
        Append one fault.

        ``make_fault`` and ``ScriptedFault`` describe the options::

            s.fault("CreateGroupId", "SystemOverFlow", times=3)
            s.fault("tencent:CreateTopic", kind="hangup", applied=True)
            s.fault("Create*", status=503, headers={"Retry-After": "2"}, after=1)
            s.fault("CreateTopic", fields={"Topic": None})

        Raises:
            ValueError: The operation is unknown (with a suggestion), or the parts contradict each other.
            TypeError: There is no such option.
        """
        fault = make_fault(operation, code, **options)
        self._player.script.add(fault)
        return fault

    def script(self, operation: str, script: str) -> tuple[ScriptedFault, ...]:
        """
        Append the faults of a script; ``resilience.sandbox.script`` describes the language.

        Raises:
            ValueError: The operation is unknown, or an entry is invalid.
        """
        faults = parse_script(operation, script)
        self._player.script.add(*faults)
        return faults

    def chaos(self, *, rate: float, seed: int, kinds: Sequence[str] = DEFAULT_CHAOS, operation: str = "*") -> None:
        """
        Let a share of the calls without a scripted fault fail at random.

        Args:
            rate: From 0 to 1.
            seed: The seed of the draws. With concurrent callers, chance decides which call takes which draw.
            kinds: Words of the script language, all equally likely.
            operation: A name or a glob, with or without ``provider:``.
        """
        self._player.script.mix(operation, rate, seed, kinds)

    def limit(self, operation: str, rate: str) -> None:
        """
        Refuse what comes faster, with the service's own code.

        ::

            s.limit("CreateGroupId", "10/s")
            s.limit("tencent:Create*", "5/s")  # of each of them

        Raises:
            ValueError: The operation or the rate is invalid.
        """
        self._player.limits.add(operation, Rate.of(rate))

    def limit_as_documented(self) -> None:
        """Refuse what comes faster than the vendors document; ``limit`` goes before that."""
        self._player.limits.add_documented()

    @property
    def refused(self) -> int:
        """The number of calls that came too fast."""
        return self._player.limits.refused

    def clear_limits(self) -> None:
        """Drop all limits."""
        self._player.limits.clear()

    def clear_faults(self) -> None:
        """Drop all pending faults; state and log stay."""
        self._player.script.clear()

    @property
    def pending_faults(self) -> tuple[ScriptedFault, ...]:
        """The unused scripted faults; empty after all were used."""
        return self._player.script.pending()

    def settle(self) -> int:
        """Let every waiting late effect happen now; return their number."""
        return self._player.settle()

    # What happened

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls with an operation so far, in order of arrival."""
        return self._player.log.snapshot()

    def asked(self, operation: str, **arguments: Any) -> int:
        """Count the calls of an operation with the given arguments, whatever their answer."""
        return len(self._matching(operation, arguments))

    def applied(self, operation: str, **arguments: Any) -> int:
        """
        Count the calls of an operation with the given arguments that the service carried out.

        Arguments are in the vendor's spelling; secrets are masked in the log and match nothing.
        """
        return sum(call.applied for call in self._matching(operation, arguments))

    def _matching(self, operation: str, arguments: JsonObject) -> list[Call]:
        provider, _, name = operation.rpartition(":")
        return [
            call
            for call in self.calls
            if call.operation == name
            and provider in ("", call.provider)
            and all(call.arguments.get(key) == value for key, value in arguments.items())
        ]

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point scripts at the sandbox."""
        return {name: value for each in self.services for name, value in each.environment().items()}

    def describe(self) -> list[str]:
        """Return lines for a user: endpoints, keys, and exports for a shell."""
        lines = []
        for each in self.services:
            lines.append(f"{each.title:<8} http://{each.endpoint}  {each.apis}")
            lines.append(f"         {each.about()}")
        return [
            *lines,
            f"Control  http://{self.services[0].endpoint}{CONTROL}calls (also state, faults)",
            "         POST fault, script, chaos, limit, expire, settle, clear",
            "",
            *(f"export {name}={shlex.quote(value)}" for name, value in self.environment().items()),
        ]

    def _commands(self) -> dict[str, Callable[..., Any]]:
        """
        Return the commands for other processes.

        Unlike the calls, the state is not masked, so it has everything that callers sent.
        """
        return {
            "GET calls": lambda: [call.as_dict() for call in self.calls],
            "GET state": lambda: {service.provider: service.state() for service in self.services},
            "GET faults": lambda: [_plain(fault) for fault in self.pending_faults],
            "POST fault": lambda **options: _plain(self.fault(**options)),
            "POST script": lambda **options: [_plain(fault) for fault in self.script(**options)],
            "POST chaos": self.chaos,
            "POST limit": self.limit,
            "POST expire": lambda: {service.provider: service.expire_tokens() for service in self.services},
            "POST settle": lambda: {"settled": self.settle()},
            "POST clear": self.clear_faults,
        }

    def _responder(self, service: Service) -> Respond:
        commands = self._commands()

        def respond(request: HttpRequest) -> WireAction:
            if request.path.startswith(CONTROL):
                return WireAction("reply", control(commands, request))
            return self._player.respond(service, request)

        return respond


def _plain(fault: ScriptedFault) -> dict[str, Any]:
    return {**asdict(fault), "body": fault.body.decode(errors="replace")}
