"""
Where requests to ApsaraMQ for MQTT name what a rename may have changed.

Sources: ApsaraMQ for MQTT, "Terms" and "P2P messaging model" (a client id is
``GroupId@@@DeviceId``, the topic of a message to one client ``parent/p2p/ClientId``);
alibabacloud_onsmqtt20200420 1.7.1, models.py; read 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from resilience.clients.common.renaming import NameReference, NameReferences, Swap, each, whole

_DEVICE: Final = "@@@"
_P2P: Final = re.compile(r"(?<=/p2p/)[^/,@]+(?=@@@)")


def _client_id(value: Any, swap: Swap) -> Any:
    """``GID_sensors@@@device``; a device of no group has nothing of it."""
    if not isinstance(value, str) or _DEVICE not in value:
        return value
    group, mark, device = value.partition(_DEVICE)
    return f"{whole(group, swap)}{mark}{device}"


def _receivers(value: Any, swap: Swap) -> Any:
    """``parent/p2p/GID_sensors@@@device``, alone or among other topics with commas between them."""
    return _P2P.sub(lambda found: swap(found[0]), value) if isinstance(value, str) else value


def _is_of_a_client(fields: Mapping[str, Any]) -> bool:
    """A permission may be a user's, whose name is no client id whatever it looks like."""
    return fields.get("IdentityType") != "USER"


NAME_REFERENCES: Final[NameReferences] = {
    "GroupId": (NameReference("GroupId", whole),),
    "ClientId": (NameReference("GroupId", _client_id),),
    "ClientIdList": (NameReference("GroupId", partial(each, _client_id)),),
    "Identity": (NameReference("GroupId", _client_id, _is_of_a_client),),
    "MqttTopic": (NameReference("GroupId", _receivers),),
    "Topic": (NameReference("GroupId", _receivers),),
    "Resources": (NameReference("GroupId", _receivers),),
}
