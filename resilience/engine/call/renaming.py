"""The name of the resource that a call makes: the call asks for it, renames change it, a failed call gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from resilience.clients.common.renaming import Renaming
from resilience.core import decision as core
from resilience.core import events
from resilience.core.operations.rename import next_name
from resilience.core.policy import Action
from resilience.engine.call.progress import Progress
from resilience.engine.errors import RemedyFailed
from resilience.engine.target.names import NameScope
from resilience.engine.target.target import Target
from resilience.state import LedgerError

# The sentences do not show the name, because it is a parameter of the request.
_ANOTHERS: Final = (
    "this %s is the new name of another resource of this run or its ledger, and two must not become one; "
    "choose another name, or let renames build other names, such as {name}-{hash}-{n}"
)
# Earlier versions could give one name to two resources, and their ledgers still have both.
_ANOTHERS_TOO: Final = (
    "the ledger has this name in %s for another resource too; look which of the two it is, and forget the entry of the "
    "other one: resilience ledger list, and resilience ledger forget"
)
_NO_NAME: Final = (
    "the pattern of the rename builds no other legal name here; one that has to be shortened keeps a hash of the whole"
)
_NONE_FREE: Final = "the names that the rename could give belong to other resources of this run or its ledger"


def begins_as_asked(target: Target, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """
    Note the name that a call asks for, which the policy can rename.

    Returns:
        Whether the call may send the name: no rename gave it to another resource, and no new name replaces it.
    """
    asked = target.asked_for(args, kwargs)
    if asked is None:
        return True
    return target.names.ask(*asked) and (not target.follows_renames or _new_name(target, *asked) is None)


def begin(call: Progress) -> bool:
    """Note the name that a call asks for; return False if a rename gave the name to another resource."""
    asked = call.target.asked_for(call.args, call.kwargs) if call.target.renames else None
    return asked is None or call.target.names.ask(*asked)


def follow(call: Progress) -> None:
    """Begin with the new name, if a script asks once more for a resource that this run has renamed."""
    target = call.target
    asked = target.asked_for(call.args, call.kwargs) if target.follows_renames and target.renames else None
    if asked is None:
        return
    place, original = asked
    new = _new_name(target, place, original)
    if new is not None and target.names.give(place, original, new):
        send(call, place.field, original, new)


def recall(call: Progress, original: str, new: str) -> bool:
    """Note a rename of an earlier run, from the ledger; return False if another resource has the name by now."""
    asked = call.target.asked_for(call.args, call.kwargs)
    return asked is None or call.target.names.give(asked[0], original, new)


def refused(call: Progress, *, is_recorded: bool = False) -> core.NotAdmitted:
    """Refuse a call whose name another resource has; with ``is_recorded`` a ledger says that both have it."""
    why = _ANOTHERS_TOO if is_recorded else _ANOTHERS
    call.error = RemedyFailed("rename", why % call.target.operation.rename)
    return core.NotAdmitted("not_ours")


async def rename(call: Progress, decision: core.Rename) -> core.MachineEvent:
    """Take the next name that no other resource has; return the result."""
    try:
        return await _rename(call, decision)
    except LedgerError as error:
        call.error = error
        return core.NotAdmitted("ledger")


async def _rename(call: Progress, decision: core.Rename) -> core.MachineEvent:
    target, operation = call.target, call.target.operation
    asked = target.asked_for(call.args, call.kwargs)
    if asked is None or decision.action is None:
        return core.RenameImpossible()
    place, old = asked
    original = call.renamed.get(place.field, (old, old))[0]
    known = _new_name(target, place, original)
    number, new = await _next_free(call, place, decision, decision.action)
    if new is None:
        return core.RenameImpossible()
    if not send(call, place.field, original, new):
        target.names.leave(place, original, new)
        return core.RenameImpossible()
    if old != original and not call.history.ours:
        target.names.leave(place, original, old)
    event = events.ResourceRenamed(
        operation=operation.name,
        provider=operation.provider,
        field=place.field,
        old=old,
        new=new,
        scope=next((each for each in place.scope.split("\0") if each), ""),
    )
    call.watch.tell(event)
    target.renamed(event)
    return core.Renamed(number, known=new == known)


def send(call: Progress, name: str, original: str, new: str) -> bool:
    """Put a new name into the arguments; return whether they can hold it."""
    try:
        call.args, call.kwargs = call.target.signature.replace(name, new, call.args, call.kwargs)
    except LookupError:
        return False
    call.renamed = {**call.renamed, name: (original, new)}
    return True


def leave(call: Progress) -> None:
    """Give back the new name of a call that has made nothing under it."""
    asked = call.target.asked_for(call.args, call.kwargs) if call.renamed else None
    if asked is not None and asked[0].field in call.renamed:
        call.target.names.leave(asked[0], *call.renamed[asked[0].field])


async def _next_free(call: Progress, place: NameScope, decision: core.Rename, action: Action) -> tuple[int, str | None]:
    """Return the number and the first name that can be built and is free; if there is none, note the reason."""
    target, operation = call.target, call.target.operation
    old = target.signature.get(place.field, call.args, call.kwargs)
    original = call.renamed.get(place.field, (old or "", ""))[0]
    digest = target.digest(place, original)
    before = None
    for number in count(decision.number):
        if decision.last is not None and number > decision.last:
            break
        new = next_name(original, number, action, operation.law, digest=digest)
        if new is None:
            call.no_name = call.no_name or _NO_NAME
            break
        if new == before:
            break  # the pattern has no number, so all further names are the same
        if new != old:
            if await _is_had(call, place, original, new):
                return number, new
            call.no_name = _NONE_FREE
        before = new
    return decision.number, None


async def _is_had(call: Progress, place: NameScope, original: str, new: str) -> bool:
    """Take a name for the call's resource, in this run and in its ledger; return False if another resource has it."""
    names = call.target.names
    if not names.give(place, original, new):
        return False
    is_had = False
    try:
        is_had = call.track is None or await call.track.take_name(place.field, new)
    finally:
        if not is_had:
            names.leave(place, original, new)
    return is_had


def _new_name(target: Target, place: NameScope, original: str) -> str | None:
    changes = target.names.changes()
    return changes.get(Renaming(place.provider, place.field, place.scope, original)) if changes else None
