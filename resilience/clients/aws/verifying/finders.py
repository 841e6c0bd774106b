"""
The finders for what an account makes in AWS IoT Core.

Sources: botocore 1.43.117, the model of ``iot``, and terraform-provider-aws, ``findTopicRuleByName``, which lists the
rules because the service answers UnauthorizedException about a rule that is not there; read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import partial
from typing import Any, Final

from resilience.clients.aws import errors
from resilience.clients.aws.traits import PROVIDER
from resilience.clients.aws.verifying.read_backs import READ_BACKS, ReadBack, at, is_same
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

NOT_THERE: Final = "ResourceNotFoundException"

_DIFFERS: Final = "there is one of this name, with another {}; this call has not made it, or somebody changed it since"
_VERSIONS: Final = "several versions of the policy have this document, and nothing tells which of them the call made"


def absent(error: Exception) -> bool:
    """Tell whether the exception of a query means "not there"."""
    return code_of(error, errors.translate) == NOT_THERE


def scan(operation: str, fields: Fields, rows: str, token: str, following: str) -> Generator[Query, Fields, list[Any]]:
    """
    Return the rows of all pages.

    Args:
        operation: A list operation.
        fields: The fields that narrow the list.
        rows: The field of an answer with the rows.
        token: The request field for the next page.
        following: The field of an answer that names the next page.

    Raises:
        AnswerError: An answer has no rows: botocore returns a torn answer as an empty one.
    """
    found: list[Any] = []
    more: Mapping[str, Any] = {}
    while True:
        answer = yield Query(operation, {**fields, **more})
        page = answer.get(rows)
        if not isinstance(page, list):
            raise unreadable(PROVIDER, operation)
        found += page
        if not answer.get(following):
            return found
        more = {token: answer[following]}


def _named(read: ReadBack, expected: ExpectedResource) -> Search:
    """Find a resource by its name, and compare its content."""
    name = expected.need(read.name)
    try:
        found = yield Query(read.query, {read.name: name})
    except Exception as error:
        if absent(error):
            return None
        raise
    answer = {each: at(found, place) for each, place in read.answer.items()}
    if not any(answer.values()):
        raise unreadable(PROVIDER, read.query)
    _compare(expected, read.same, found, name, is_exact=read.is_exact)
    return {each: value for each, value in answer.items() if value is not None}


def _compare(
    expected: ExpectedResource, same: Mapping[str, str], found: Fields, name: str, *, is_exact: bool = False
) -> None:
    """
    Compare a resource with the request.

    Args:
        expected: The request.
        same: Fields of the request, each with its place in the resource.
        found: The resource.
        name: Its name.
        is_exact: Whether a field that the request leaves out has to be missing in the resource, too.

    Raises:
        Ambiguous: It has another content.
    """
    for asked, place in same.items():
        wanted = at(expected.fields, asked)
        if (wanted is not None or is_exact) and not is_same(wanted, at(found, place)):
            raise Ambiguous(expected.operation, [name], _DIFFERS.format(asked.rpartition(".")[2]))


def _rule(expected: ExpectedResource) -> Search:
    """Find a rule in the list of all rules; only then ask for its content."""
    name = expected.need("ruleName")
    rules = yield from scan("ListTopicRules", {}, "rules", "nextToken", "nextToken")
    if all(rule.get("ruleName") != name for rule in rules):
        return None
    found = yield Query("GetTopicRule", {"ruleName": name})
    if at(found, "rule.ruleName") != name:
        raise unreadable(PROVIDER, "GetTopicRule")
    _compare(expected, {"topicRulePayload.sql": "rule.sql"}, found, name)
    return {}


def _policy_version(expected: ExpectedResource) -> Search:
    """Find a version by its document: the service counts the versions, of which a policy has five at most."""
    name, wanted = expected.need("policyName"), expected.need("policyDocument")
    listed = yield Query("ListPolicyVersions", {"policyName": name})
    rows = listed.get("policyVersions")
    if not isinstance(rows, list):
        raise unreadable(PROVIDER, "ListPolicyVersions")
    same = []
    for row in rows:
        if expected.fields.get("setAsDefault") and not row.get("isDefaultVersion"):
            continue
        found = yield Query("GetPolicyVersion", {"policyName": name, "policyVersionId": row.get("versionId")})
        if is_same(wanted, found.get("policyDocument")):
            same.append(found)
    version = only(expected.operation, same, "policyVersionId", _VERSIONS)
    parts = ("policyArn", "policyDocument", "policyVersionId", "isDefaultVersion")
    return None if version is None else {part: version.get(part) for part in parts}


FINDERS: Final[Mapping[str, Finder]] = {
    **{operation: partial(_named, read) for operation, read in READ_BACKS.items()},
    "CreateTopicRule": _rule,
    "CreatePolicyVersion": _policy_version,
}
"""The finders by name, by operation."""
