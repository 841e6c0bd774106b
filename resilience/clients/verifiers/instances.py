"""
Finders for instances of TDMQ for MQTT: the purchase that must not happen twice, and the delete that must not.

Nothing in the answers of the service says which call bought an instance. Its name
is not unique, and when it was made says little: the call that is looked into may be
that of an earlier run, which a ledger remembers. So an instance is taken for ours
only on the user's word, which comes in two forms: a tag whose value no other
purchase has, or the promise that names are unique in the account. Without either,
an instance of the same name ends the search with an error that shows its id; where
there is none of that name, that is a fact in any case.

Sources: tencentcloud-sdk-python-mqtt 3.1.195 (filters, states); Terraform provider
tencentcloudstack/tencentcloud (the second DeleteInstance); read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.tencent import PROVIDER
from resilience.clients.verifiers.asking import Ambiguous, Ask, Fields, Finder, Look, Wanted, code_of, only, unreadable
from resilience.clients.verifiers.tencent import scan

_LIST: Final = "DescribeInstanceList"

# InstanceStatus (models.py, DescribeInstanceResponse): on its way out, and there without being of use.
_GONE: Final = frozenset({"DELETING", "DESTROYED"})
_USELESS: Final = frozenset({"CREATE_FAILURE", "OVERDUE"})

# What an instance is, besides its tag: request field to row field.
_SAME: Final = {"Name": "InstanceName", "InstanceType": "InstanceType", "SkuCode": "SkuCode"}

_NOT_UNIQUE: Final = (
    "names are not unique, so nothing tells whether this call bought it; look, then give each purchase a tag of its "
    "own and name its key (unique_tag=...), or promise that names are unique (unique_names=True)"
)


def finders(*, unique_tag: str | None, unique_names: bool) -> Mapping[str, Finder]:
    """
    Return the finders for instances, by operation.

    Args:
        unique_tag: The key of a tag whose value each purchase has for itself.
        unique_names: Whether no two purchases in the account ever ask for the same name.
    """

    def bought(wanted: Wanted) -> Look:
        tag = None if unique_tag is None else _tag(wanted, unique_tag)
        if tag is None:
            found = yield from _named(wanted, trusted=unique_names)
        else:
            found = yield from _tagged(wanted, tag)
        if found is None:
            return None
        _check(wanted, found)
        return {"InstanceId": found.get("InstanceId")}

    return {"CreateInstance": bought, "DeleteInstance": _deleted}


def _tag(wanted: Wanted, key: str) -> tuple[str, str] | None:
    """Return key and value of the request's tag of this key; None if it has none."""
    tags: Any = wanted.fields.get("TagList") or []
    return next(((key, tag["TagValue"]) for tag in tags if tag.get("TagKey") == key and tag.get("TagValue")), None)


def _named(wanted: Wanted, *, trusted: bool) -> Look:
    name = wanted.need("Name")
    rows = yield from scan(_LIST, {"Filters": [{"Name": "InstanceName", "Values": [name]}]}, "InstanceId")
    # The filter finds parts of names too, and names of what is being deleted may be used again.
    rows = [row for row in rows if row.get("InstanceName") == name and row.get("InstanceStatus") not in _GONE]
    found = only(wanted.operation, rows, "InstanceId", _NOT_UNIQUE)
    if found is not None and not trusted:
        raise Ambiguous(wanted.operation, [found.get("InstanceId")], _NOT_UNIQUE)
    return found


def _tagged(wanted: Wanted, tag: tuple[str, str]) -> Look:
    """With a tag filter the service ignores all others (models.py, DescribeInstanceListRequest.Filters)."""
    key, value = tag
    rows = yield from scan(_LIST, {"TagFilters": [{"TagKey": key, "TagValues": [value]}]}, "InstanceId")
    reason = f"several have the tag {key} of this purchase, which is therefore not unique; look which one is right"
    return only(wanted.operation, rows, "InstanceId", reason)


def _check(wanted: Wanted, found: Fields) -> None:
    """Refuse an instance that the call cannot have bought, or that nobody could use."""
    ids, status = [found.get("InstanceId")], found.get("InstanceStatus")
    for field, shown in _SAME.items():
        if str(wanted.fields.get(field)).lower() != str(found.get(shown)).lower():
            raise Ambiguous(wanted.operation, ids, f"it has another {field} than this call asked for; look whose it is")
    if status in _GONE | _USELESS:
        raise Ambiguous(wanted.operation, ids, f"it is {status}; look what became of it before you buy another")


def _deleted(wanted: Wanted) -> Look:
    """
    Tell whether an instance is on its way out.

    Of a prepaid one the first DeleteInstance isolates it and the second destroys it,
    so where it is isolated already nobody but a person may ask again.
    """
    instance_id = wanted.need("InstanceId")
    try:
        found = yield Ask("DescribeInstance", {"InstanceId": instance_id})
    except Exception as error:
        if code_of(error, PROVIDER) == "ResourceNotFound.Instance":
            return {}
        raise
    status = found.get("InstanceStatus")
    if not status:
        raise unreadable(PROVIDER, "DescribeInstance", found.get("RequestId"))
    if status in _GONE:
        return {}
    if status == "OVERDUE" or (found.get("PayMode") == "PREPAID" and status != "RUNNING"):
        reason = f"it is {status}, by this call or before it, and another DeleteInstance may destroy it for good; look"
        raise Ambiguous(wanted.operation, [instance_id], reason)
    return None
