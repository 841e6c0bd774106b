"""
Finders for instances of TDMQ for MQTT: neither their purchase nor their deletion may happen twice.

The answers of the service do not say which call bought an instance. Its name is not
unique, and its time of creation proves little, since the call may be one of an earlier
run, which a ledger remembers. So a finder needs the user's word to decide: a tag with a
value that no other purchase has, or the promise that names are unique in the account.
Without it, an instance of the same name ends the search with an error that shows its
id. If no instance has the name, the purchase surely did not happen.

Sources: tencentcloud-sdk-python-mqtt 3.1.195 (filters, states); Terraform provider
tencentcloudstack/tencentcloud (the second DeleteInstance); read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Final

from resilience.clients.common import naming
from resilience.clients.common.lookups import (
    Ambiguous,
    ExpectedResource,
    Fields,
    Finder,
    Query,
    Search,
    code_of,
    only,
    unreadable,
)
from resilience.clients.tencent import errors
from resilience.clients.tencent.traits import PROVIDER
from resilience.clients.tencent.verifying.finders import scan

NAME: Final = "Name"
TAGS: Final = "TagList"

_LIST: Final = "DescribeInstanceList"

Listing = Generator[Query, Fields, list[Fields]]
"""A search for rows of a list."""

# InstanceStatus (models.py, DescribeInstanceResponse) of instances that are being deleted, and of unusable ones.
_GONE: Final = frozenset({"DELETING", "DESTROYED"})
_USELESS: Final = frozenset({"CREATE_FAILURE", "OVERDUE"})

# The properties of an instance besides its tags: request field to row field.
_SAME: Final = {"Name": "InstanceName", "InstanceType": "InstanceType", "SkuCode": "SkuCode"}

NOT_UNIQUE: Final = (
    "names are not unique, so nothing tells whether this call bought it; look, then give each purchase a tag of its "
    "own and name its key (unique_tag=...), or promise that names are unique (unique_names=True)"
)
"""The advice for a program that calls ``verifiers_for``."""


def finders(unique: Sequence[Sequence[str]], *, advice: str = NOT_UNIQUE) -> Mapping[str, Finder]:
    """
    Return the finders for instances, by operation.

    Args:
        unique: Sets of request fields that each distinguish one purchase from all others: ``Name``, ``TagList`` or
            ``TagList.KEY``. A finder uses the first set whose fields a request has.
        advice: What to do if nothing distinguishes one purchase from another.
    """

    def bought(expected: ExpectedResource) -> Search:
        fields = next((each for each in unique if each and _has(expected, each)), ())
        tags = [each for name in fields for each in _tags(expected, name)]
        rows = (yield from _tagged(tags)) if tags else (yield from _named(expected))
        if tags and NAME in fields:
            rows = [row for row in rows if row.get("InstanceName") == expected.need(NAME)]
        keys = [f"tag {', '.join(dict.fromkeys(key for key, _ in tags))}"] if tags else []
        words = " and the ".join([*(each for each in fields if each == NAME), *keys])
        several = f"several have the {words} of this purchase, which is therefore not unique; look which one is right"
        found = only(expected.operation, rows, "InstanceId", several if fields else advice)
        if found is not None and not fields:
            raise Ambiguous(expected.operation, [found.get("InstanceId")], advice)
        if found is None:
            return None
        _check(expected, found)
        return {"InstanceId": found.get("InstanceId")}

    return {"CreateInstance": bought, "DeleteInstance": _deleted}


def _has(expected: ExpectedResource, fields: Sequence[str]) -> bool:
    return all(naming.text_of(naming.at(expected.fields, name)) not in {None, "", "[]"} for name in fields)


def _tags(expected: ExpectedResource, name: str) -> list[tuple[str, str]]:
    """Return the tags of the request that a field of ``unique`` names."""
    outer, _, key = name.partition(".")
    tags = [naming.tag(each) for each in expected.fields.get(TAGS) or []] if outer == TAGS else []
    return [(each[0], str(each[1])) for each in tags if each is not None and key in {"", each[0]}]


def _named(expected: ExpectedResource) -> Listing:
    name = expected.need(NAME)
    rows = yield from scan(_LIST, {"Filters": [{"Name": "InstanceName", "Values": [name]}]}, "InstanceId")
    # The filter finds parts of names too, and the name of an instance that is being deleted may be used again.
    return [row for row in rows if row.get("InstanceName") == name and row.get("InstanceStatus") not in _GONE]


def _tagged(tags: Sequence[tuple[str, str]]) -> Listing:
    """
    Find the instances that have all of some tags.

    With a tag filter the service ignores all other filters (models.py, DescribeInstanceListRequest.Filters). The
    reference does not say whether two tag filters mean both or either, so each tag has its own query.
    """
    rows: dict[object, Fields] | None = None
    for key, value in tags:
        found = yield from scan(_LIST, {"TagFilters": [{"TagKey": key, "TagValues": [value]}]}, "InstanceId")
        ids = {row.get("InstanceId"): row for row in found}
        rows = ids if rows is None else {each: row for each, row in rows.items() if each in ids}
    return list((rows or {}).values())


def _check(expected: ExpectedResource, found: Fields) -> None:
    """Raise ``Ambiguous`` for an instance that the call cannot have bought, or that is unusable."""
    ids, status = [found.get("InstanceId")], found.get("InstanceStatus")
    for field, shown in _SAME.items():
        if str(expected.fields.get(field)).lower() != str(found.get(shown)).lower():
            raise Ambiguous(
                expected.operation, ids, f"it has another {field} than this call asked for; look whose it is"
            )
    if status in _GONE | _USELESS:
        raise Ambiguous(expected.operation, ids, f"it is {status}; look what became of it before you buy another")


def _deleted(expected: ExpectedResource) -> Search:
    """
    Tell whether an instance is being deleted.

    The first DeleteInstance isolates a prepaid instance, and the second destroys it. So if
    it is isolated already, a person has to decide about another DeleteInstance.
    """
    instance_id = expected.need("InstanceId")
    try:
        found = yield Query("DescribeInstance", {"InstanceId": instance_id})
    except Exception as error:
        if code_of(error, errors.translate) == "ResourceNotFound.Instance":
            return {}
        raise
    status = found.get("InstanceStatus")
    if not status:
        raise unreadable(PROVIDER, "DescribeInstance", found.get("RequestId"))
    if status in _GONE:
        return {}
    if status == "OVERDUE" or (found.get("PayMode") == "PREPAID" and status != "RUNNING"):
        reason = f"it is {status}, by this call or before it, and another DeleteInstance may destroy it for good; look"
        raise Ambiguous(expected.operation, [instance_id], reason)
    return None
