"""Plays one request: checks the caller, finds the fault, carries the operation out and answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, RLock, Thread

from attrs import evolve, field, frozen

from resilience.sandbox.exchange import Asked, HttpRequest, JsonObject, Refusal, Reply, WireAction
from resilience.sandbox.faults import ANSWERING, ScriptedFault
from resilience.sandbox.keys import TimeSource
from resilience.sandbox.limits import ServiceLimits
from resilience.sandbox.log import Call, CallLog
from resilience.sandbox.script import Script
from resilience.sandbox.service import Service

GARBAGE = b"<html><head><title>Sign in</title></head><body>This network needs you to sign in.</body></html>"

_logger = logging.getLogger("resilience.sandbox")


@frozen(eq=False)
class _Late:
    """A late effect that has not happened yet."""

    come: Callable[[], None]
    over: Event = field(factory=Event)


@frozen
class _Exchange:
    """One request that named an operation."""

    service: Service
    asked: Asked
    request_id: str


class Player:
    """
    Judges requests in the vendors' order: operation, key and signature, limit, then the scripted fault, then the state.

    Args:
        clock: Seconds since the epoch, for the log.
    """

    def __init__(self, clock: TimeSource) -> None:
        self.script = Script()
        self.limits = ServiceLimits()
        self.log = CallLog()
        self._clock = clock
        self._late: list[_Late] = []
        self._lock = RLock()

    def respond(self, service: Service, request: HttpRequest) -> WireAction:
        """Return the wire's action for a request, after logging the call."""
        exchange = _Exchange(service, service.read(request), service.new_request_id())
        try:
            service.check(request, exchange.asked)
        except Refusal as denied:
            self._note(exchange, denied.code, applied=False)
            return WireAction("reply", service.failure(denied, exchange.request_id))
        code = self.limits.refusal(service.provider, exchange.asked.operation)
        if code is not None:
            self._note(exchange, code, applied=False)
            return WireAction("reply", service.failure(Refusal(code, ""), exchange.request_id))
        fault = self.script.next(service.provider, exchange.asked.operation)
        # State and log change together, so that the order of the log is the order of the effects.
        with service.lock:
            refusal, fields = self._perform(exchange) if fault.effect is True else (None, {})
            return self._answer(exchange, fault, fields, refusal)

    def settle(self) -> int:
        """Let every waiting late effect happen now; return their number."""
        waiting = self._take_all()
        for late in waiting:
            late.over.set()
            late.come()
        return len(waiting)

    def forget_late(self) -> None:
        """Drop every waiting late effect."""
        for late in self._take_all():
            late.over.set()

    def _answer(
        self, exchange: _Exchange, fault: ScriptedFault, fields: JsonObject, refusal: Refusal | None
    ) -> WireAction:
        service, request_id = exchange.service, exchange.request_id
        late = fault.effect == "late"
        usual = fault.kind in ANSWERING
        answer = (refusal.code if refusal else "ok") if fault.kind in ("ok", "slow", "fields") else fault.answer
        call = self._note(exchange, answer, applied=fault.effect is True and refusal is None)
        if late:
            self._later(exchange, call, fault.delay)
        delay = 0.0 if late else fault.delay or 0.0
        if fault.kind in ("reset", "hangup", "hang"):
            return WireAction(fault.kind, delay=delay)
        if fault.kind == "code":
            reply = service.failure(Refusal(fault.code or "", fault.message, status=fault.status), request_id)
        elif not usual:
            reply = _page(fault)
        elif refusal:
            reply = service.failure(refusal, request_id)
        else:
            merged = {**fields, "RequestId": request_id, **fault.fields}
            reply = service.success({k: v for k, v in merged.items() if v is not None}, request_id)
        return WireAction("truncated" if fault.kind == "truncated" else "reply", _dressed(reply, fault), delay)

    def _perform(self, exchange: _Exchange) -> tuple[Refusal | None, JsonObject]:
        try:
            return None, exchange.service.perform(exchange.asked.operation, exchange.asked.arguments)
        except Refusal as refusal:
            return refusal, {}
        except Exception:
            # No SDK sends arguments of such a shape. A vendor's service would survive them too.
            _logger.exception("cannot play %s", exchange.asked.operation)
            return Refusal("InternalError", "the sandbox could not read the arguments"), {}

    def _note(self, exchange: _Exchange, answer: str, *, applied: bool) -> Call:
        return self.log.add(
            provider=exchange.service.provider,
            operation=exchange.asked.operation,
            arguments=exchange.asked.arguments,
            secrets=exchange.service.secrets,
            at=self._clock(),
            applied=applied,
            answer=answer,
            request_id=exchange.request_id,
            access_key_id=exchange.asked.key_id,
        )

    def _later(self, exchange: _Exchange, call: Call, delay: float | None) -> None:
        """Let a call take effect after ``delay`` seconds; without a delay, at ``settle``."""
        late = _Late(lambda: self._come(exchange, call))
        with self._lock:
            self._late.append(late)
        if delay is not None:
            Thread(target=self._wait, args=(late, delay), daemon=True).start()

    def _wait(self, late: _Late, delay: float) -> None:
        if late.over.wait(delay):
            return
        with self._lock:
            if late not in self._late:
                return
            self._late.remove(late)
        late.come()

    def _come(self, exchange: _Exchange, call: Call) -> None:
        with exchange.service.lock:
            refusal, _ = self._perform(exchange)
            if refusal is None:
                self.log.mark_applied(call.number)

    def _take_all(self) -> list[_Late]:
        with self._lock:
            waiting, self._late = self._late, []
        return waiting


def _page(fault: ScriptedFault) -> Reply:
    """Return an answer from another program than the service: garbage, or a bare status."""
    if fault.kind == "garbage":
        return Reply(fault.status or 200, fault.body or GARBAGE, {"Content-Type": "text/html"})
    is_markup = fault.body.lstrip().startswith(b"<")
    return Reply(fault.status or 500, fault.body, {"Content-Type": "text/html" if is_markup else "text/plain"})


def _dressed(reply: Reply, fault: ScriptedFault) -> Reply:
    """Return the reply with the headers of a fault."""
    headers = {**reply.headers, **fault.headers}
    if fault.content_type is not None:
        headers["Content-Type"] = fault.content_type
    return evolve(reply, headers=headers)
