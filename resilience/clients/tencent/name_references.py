"""
Where requests to TDMQ for MQTT name what a rename may have changed.

Source: tencentcloud-sdk-python-mqtt 3.1.195, models.py; read 2026-11-21.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from resilience.clients.common.fields import json_object
from resilience.clients.common.renaming import NameReference, NameReferences, Rewrite, Swap, each, whole

_SHARED: Final = "$share/"


def _path(value: Any, swap: Swap) -> Any:
    """``sensors/kitchen/+``: the first level is the topic's name, also in ``$share/group/sensors/#``."""
    if not isinstance(value, str):
        return value
    before, rest = "", value
    if value.startswith(_SHARED):
        group, _, rest = value.removeprefix(_SHARED).partition("/")
        before = f"{_SHARED}{group}/"
    first, slash, below = rest.partition("/")
    return f"{before}{whole(first, swap)}{slash}{below}" if rest else value


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
        {**item, "Values": each(whole, item["Values"], swap)}
        if isinstance(item, Mapping) and item.get("Name") == name and "Values" in item
        else item
        for item in value
    ]


def _condition(name: str, rewrite: Rewrite, value: Any, swap: Swap) -> Any:
    """Base64 of ``{"clientId": "client-1", "username": "client-1", "topic": "home/room1"}``."""
    if not isinstance(value, str):
        return value
    try:
        condition = json_object(base64.b64decode(value, validate=True))
    except ValueError:
        return value
    swapped = {**condition, name: rewrite(condition.get(name), swap)} if name in condition else condition
    if swapped == condition:
        return value
    return base64.b64encode(json.dumps(swapped, separators=(",", ":"), ensure_ascii=False).encode()).decode()


def _is_of_a_block_rule(fields: Mapping[str, Any]) -> bool:
    """ModifyInstance has the name of the instance in the same field, and none of these."""
    return not fields.keys().isdisjoint({"Type", "Include", "Excludes", "ExpireTime"})


NAME_REFERENCES: Final[NameReferences] = {
    "Topic": (NameReference("Topic", _path),),
    "TargetTopic": (NameReference("Topic", _path),),
    "TopicFilter": (NameReference("Topic", _path),),
    "Subscription": (NameReference("Topic", _path),),
    "SharedSubscription": (NameReference("Topic", _path),),
    "Resources": (NameReference("Topic", _paths),),
    "Username": (NameReference("Username", whole),),
    "PolicyName": (NameReference("PolicyName", whole),),
    "Name": (NameReference("Name", whole, _is_of_a_block_rule),),
    "BlockRuleName": (NameReference("Name", whole),),
    "Filters": (
        NameReference("Topic", partial(_filters, "TopicName")),
        NameReference("Username", partial(_filters, "Username")),
    ),
    "Condition": (
        NameReference("Topic", partial(_condition, "topic", _path)),
        NameReference("Username", partial(_condition, "username", whole)),
    ),
}
