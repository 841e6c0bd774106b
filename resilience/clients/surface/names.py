"""
Where requests name what an earlier call of the same run has renamed.

A script that created ``GID_sensors`` and got ``GID_sensors-2`` goes on to speak of
``GID_sensors``: in a list of sessions, in a client id, in the topic of a message to
one device. Each of these fields has a form, which says where in the value the name is.

Sources: ApsaraMQ for MQTT, "Terms" and "P2P messaging model" (a client id is
``GroupId@@@DeviceId``, the topic of a message to one client ``parent/p2p/ClientId``);
alibabacloud_onsmqtt20200420 1.7.1 and tencentcloud-sdk-python-mqtt 3.1.195, models.py;
read 2026-11-21.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from attrs import field, frozen

from resilience.clients.alibaba import traits as alibaba
from resilience.clients.common.fields import json_object
from resilience.clients.tencent import traits as tencent

Swap = Callable[[str], str]
"""Takes a name, and returns the one to use instead."""

Form = Callable[[Any, Swap], Any]
"""Takes a field's value, and returns it with each name in it swapped; what has no name in it comes back as it is."""

# Both are the id of the instance; operations on certificates have the longer one.
_INSTANCE: Final = ("InstanceId", "MqttInstanceId")

_DEVICE: Final = "@@@"
_P2P: Final = re.compile(r"(?<=/p2p/)[^/,@]+(?=@@@)")
_SHARED: Final = "$share/"

# Old SDKs number the items of a list from 1: ``ClientIdList.1``.
_ITEM: Final = re.compile(r"(.+)\.[0-9]+")


@frozen
class Renaming:
    """
    A name that a resource should have had.

    Attributes:
        provider: The provider.
        field: The field that a rename changes when the resource is created: ``GroupId``, ``Topic``.
        scope: The id of the instance that it is in; empty if the request has none.
        old: The name that the script knows.
    """

    provider: str
    field: str
    scope: str
    old: str


def _whole(value: Any, swap: Swap) -> Any:
    return swap(value) if isinstance(value, str) and value else value


def _client_id(value: Any, swap: Swap) -> Any:
    """``GID_sensors@@@device``; a device of no group has nothing of it."""
    if not isinstance(value, str) or _DEVICE not in value:
        return value
    group, mark, device = value.partition(_DEVICE)
    return f"{_whole(group, swap)}{mark}{device}"


def _receivers(value: Any, swap: Swap) -> Any:
    """``parent/p2p/GID_sensors@@@device``, alone or among other topics with commas between them."""
    return _P2P.sub(lambda found: swap(found[0]), value) if isinstance(value, str) else value


def _each(form: Form, value: Any, swap: Swap) -> Any:
    return [form(item, swap) for item in value] if isinstance(value, list | tuple) else form(value, swap)


def _path(value: Any, swap: Swap) -> Any:
    """``sensors/kitchen/+``: the first level is the topic's name, also in ``$share/group/sensors/#``."""
    if not isinstance(value, str):
        return value
    before, rest = "", value
    if value.startswith(_SHARED):
        group, _, rest = value.removeprefix(_SHARED).partition("/")
        before = f"{_SHARED}{group}/"
    first, slash, below = rest.partition("/")
    return f"{before}{_whole(first, swap)}{slash}{below}" if rest else value


def _paths(value: Any, swap: Swap) -> Any:
    """Topics with commas between them; blanks around one stay."""
    if not isinstance(value, str):
        return value
    return re.sub(r"[^,\s]+", lambda found: str(_path(found[0], swap)), value)


def _filters(name: str, value: Any, swap: Swap) -> Any:
    """``[{"Name": "TopicName", "Values": ["sensors"]}]``."""
    if not isinstance(value, list):
        return value
    return [
        {**item, "Values": _each(_whole, item["Values"], swap)}
        if isinstance(item, Mapping) and item.get("Name") == name and "Values" in item
        else item
        for item in value
    ]


def _condition(name: str, form: Form, value: Any, swap: Swap) -> Any:
    """Base64 of ``{"clientId": "client-1", "username": "client-1", "topic": "home/room1"}``."""
    if not isinstance(value, str):
        return value
    try:
        said = json_object(base64.b64decode(value, validate=True))
    except ValueError:
        return value
    swapped = {**said, name: form(said.get(name), swap)} if name in said else said
    if swapped == said:
        return value
    return base64.b64encode(json.dumps(swapped, separators=(",", ":"), ensure_ascii=False).encode()).decode()


def _always(_: Mapping[str, Any]) -> bool:
    return True


def _is_of_a_client(fields: Mapping[str, Any]) -> bool:
    """A permission may be a user's, whose name is no client id whatever it looks like."""
    return fields.get("IdentityType") != "USER"


def _is_of_a_block_rule(fields: Mapping[str, Any]) -> bool:
    """ModifyInstance has the name of the instance in the same field, and none of these."""
    return not fields.keys().isdisjoint({"Type", "Include", "Excludes", "ExpireTime"})


@frozen
class _Place:
    """
    A field that names resources of one kind.

    Attributes:
        kind: The field of their :class:`Renaming`.
        form: Where in the value the names are.
        applies: Whether the field has this meaning in a request with these fields.
    """

    kind: str
    form: Form
    applies: Callable[[Mapping[str, Any]], bool] = field(default=_always)


_PLACES: Final[Mapping[str, Mapping[str, tuple[_Place, ...]]]] = {
    alibaba.PROVIDER: {
        "GroupId": (_Place("GroupId", _whole),),
        "ClientId": (_Place("GroupId", _client_id),),
        "ClientIdList": (_Place("GroupId", partial(_each, _client_id)),),
        "Identity": (_Place("GroupId", _client_id, _is_of_a_client),),
        "MqttTopic": (_Place("GroupId", _receivers),),
        "Topic": (_Place("GroupId", _receivers),),
        "Resources": (_Place("GroupId", _receivers),),
    },
    tencent.PROVIDER: {
        "Topic": (_Place("Topic", _path),),
        "TargetTopic": (_Place("Topic", _path),),
        "TopicFilter": (_Place("Topic", _path),),
        "Subscription": (_Place("Topic", _path),),
        "SharedSubscription": (_Place("Topic", _path),),
        "Resources": (_Place("Topic", _paths),),
        "Username": (_Place("Username", _whole),),
        "PolicyName": (_Place("PolicyName", _whole),),
        "Name": (_Place("Name", _whole, _is_of_a_block_rule),),
        "BlockRuleName": (_Place("Name", _whole),),
        "Filters": (
            _Place("Topic", partial(_filters, "TopicName")),
            _Place("Username", partial(_filters, "Username")),
        ),
        "Condition": (
            _Place("Topic", partial(_condition, "topic", _path)),
            _Place("Username", partial(_condition, "username", _whole)),
        ),
    },
}


def scope_of(fields: Mapping[str, Any]) -> str:
    """Return the id of the instance that a request is about; empty if it names none."""
    return next((value for name in _INSTANCE if isinstance(value := fields.get(name), str)), "")


def names_in(provider: str, fields: Mapping[str, Any]) -> tuple[Renaming, ...]:
    """
    Return every name in a request that a rename may have changed, each once.

    Args:
        provider: The provider of the call.
        fields: The fields of the request, by wire name.
    """
    found: dict[Renaming, None] = {}

    def note(kind: str, name: str) -> str:
        found[Renaming(provider, kind, scope, name)] = None
        return name

    scope = scope_of(fields)
    _swapped(provider, fields, note)
    return tuple(found)


def renamed_fields(provider: str, fields: Mapping[str, Any], renames: Mapping[Renaming, str]) -> dict[str, Any]:
    """
    Return the fields that have to change because this run renamed what they name, with their new values.

    A field keeps its type: a list stays a list. What names something in another
    instance, or of another kind, is not meant.

    Args:
        provider: The provider of the call.
        fields: The fields of the request, by wire name.
        renames: What this run has renamed, and to what.
    """
    if not renames:
        return {}
    scope = scope_of(fields)
    return _swapped(provider, fields, lambda kind, name: renames.get(Renaming(provider, kind, scope, name), name))


def _swapped(provider: str, fields: Mapping[str, Any], swap: Callable[[str, str], str]) -> dict[str, Any]:
    """Return the fields whose value is another after every name in it has been swapped."""
    places = _PLACES.get(provider, {})
    changed: dict[str, Any] = {}
    for name, value in fields.items():
        item = _ITEM.fullmatch(name)
        fresh = value
        for place in places.get(item[1] if item else name, ()):
            if place.applies(fields):
                fresh = place.form(fresh, partial(swap, place.kind))
        if fresh != value:
            changed[name] = fresh
    return changed
