"""
Certificates of an account: the name of one that was registered, and the newest of them.

The id of a certificate is its fingerprint: the SHA-256 of its DER form, in hexadecimal digits. It is known before the
call that registers it. A certificate that the service makes for a request has the key of that request; one that the
service makes with its own key has nothing that is known before. Source: botocore 1.43.117, the model of
``iot``; read 2026-11-28.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Generator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from attrs import frozen

from resilience.clients.aws.answers import HEADERS, metadata_of
from resilience.clients.aws.traits import PROVIDER
from resilience.clients.aws.verifying import public_keys
from resilience.clients.aws.verifying.finders import absent, scan
from resilience.clients.common.fields import header
from resilience.clients.common.lookups import (
    Ambiguous,
    ExpectedResource,
    Fields,
    Finder,
    Query,
    Search,
    only,
    unreadable,
)

# The rows that a page may have (the model, PageSize).
_PAGE: Final = 250

# How far back a certificate for a request is looked for: a call is seldom longer. How many are asked about.
_RECENT: Final = timedelta(minutes=15)
_MOST: Final = 250

_SEVERAL: Final = "they have the key of this request, and nothing tells which of them the call made"
_MANY: Final = "more certificates were made meanwhile than can be asked about; look for the one with your key"
_OTHER_STATUS: Final = "the certificate is registered with another status; somebody else registered or changed it"


@frozen
class ListedCertificate:
    """
    One row of the list of certificates.

    Attributes:
        certificate_id: Its id.
        arn: Its ARN, which attachments name.
        status: ``ACTIVE``, ``INACTIVE`` and others.
        created: When it was made, by the clock of the service.
    """

    certificate_id: str
    arn: str
    status: str
    created: datetime


def fingerprint(pem: str) -> str:
    """
    Return the id that a certificate has, or will have, in the service.

    Raises:
        ValueError: The text has no certificate.
    """
    begin = pem.find("-----BEGIN CERTIFICATE-----")
    end = pem.find("-----END CERTIFICATE-----", begin)
    if begin < 0 or end < 0:
        raise ValueError("expected a certificate in PEM form, found none; its fingerprint says what to look for")
    der = ssl.PEM_cert_to_DER_cert(pem[begin : end + len("-----END CERTIFICATE-----")])
    return hashlib.sha256(der).hexdigest()


def _ids(pem: str) -> tuple[str, ...]:
    """Return the ids to look for: the fingerprint, and what moto takes for it unless it is told otherwise (5.2.5)."""
    return fingerprint(pem), hashlib.sha256(pem.encode()).hexdigest()


def registered(query: str, pem_field: str) -> Finder:
    """
    Return a finder for a certificate that a call registers.

    Args:
        query: The operation that describes it.
        pem_field: The request field with the certificate.
    """

    def find(expected: ExpectedResource) -> Search:
        for certificate_id in _ids(expected.need(pem_field)):
            try:
                answer = yield Query(query, {"certificateId": certificate_id})
            except Exception as error:
                if absent(error):
                    continue
                raise
            found = answer.get("certificateDescription") or {}
            if found.get("certificateId") != certificate_id:
                raise unreadable(PROVIDER, query)
            wanted = _status(expected.fields)
            if wanted is not None and found.get("status") != wanted:
                raise Ambiguous(expected.operation, [certificate_id], _OTHER_STATUS)
            return {"certificateArn": found.get("certificateArn"), "certificateId": certificate_id}
        return None

    return find


def _status(fields: Fields) -> str | None:
    status = fields.get("status")
    if isinstance(status, str):
        return status
    return "ACTIVE" if fields.get("setAsActive") else None


def newest(since: datetime) -> Generator[Query, Fields, list[ListedCertificate]]:
    """
    Return the certificates that were made at or after a moment, the newest first.

    Raises:
        AnswerError: An answer has no list, or a row has no date.
    """
    found: list[ListedCertificate] = []
    marker: Mapping[str, Any] = {}
    while True:
        answer = yield Query("ListCertificates", {"pageSize": _PAGE, "ascendingOrder": False, **marker})
        page = _rows(answer)
        found += [row for row in page if row.created >= since]
        # An older row alone does not end the search: several may have been made in one second.
        if not answer.get("nextMarker") or (page and all(row.created < since for row in page)):
            return sorted(found, key=lambda row: row.created, reverse=True)
        marker = {"marker": answer["nextMarker"]}


def service_time(answer: Fields) -> datetime:
    """Return the time of the service when it answered; that of this machine if the answer does not say it."""
    date = header(metadata_of(answer).get(HEADERS), "date")
    try:
        return parsedate_to_datetime(date or "").astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)


def of_request() -> Finder:
    """
    Return a finder for the certificate that a call made for a request: the only recent one with the request's key.

    It asks about each certificate once, because the key of a certificate never changes.
    """
    keys: dict[str, bytes | None] = {}

    def find(expected: ExpectedResource) -> Search:
        wanted = public_keys.of_request(expected.need("certificateSigningRequest"))
        answer = yield Query("ListCertificates", {"pageSize": _PAGE, "ascendingOrder": False})
        rows, since = _rows(answer), service_time(answer) - _RECENT
        recent = sorted((row for row in rows if row.created >= since), key=lambda row: row.created, reverse=True)
        same: list[Fields] = []
        for row in recent[:_MOST]:
            pem = None
            if row.certificate_id not in keys:
                pem = yield from _pem(row.certificate_id)
                keys[row.certificate_id] = None if pem is None else public_keys.of_certificate(pem)
            if keys[row.certificate_id] == wanted:
                pem = pem or (yield from _pem(row.certificate_id))
                parts = {"certificateArn": row.arn, "certificateId": row.certificate_id, "certificatePem": pem}
                same.append(parts)
        found = only(expected.operation, same, "certificateId", _SEVERAL)
        if found is None and len(recent) >= _MOST:
            raise Ambiguous(expected.operation, [f"{len(recent)} certificates"], _MANY)
        return found

    return find


def _pem(certificate_id: str) -> Generator[Query, Fields, str | None]:
    """Return a certificate; None if somebody has deleted it."""
    try:
        answer = yield Query("DescribeCertificate", {"certificateId": certificate_id})
    except Exception as error:
        if absent(error):
            return None
        raise
    pem = (answer.get("certificateDescription") or {}).get("certificatePem")
    if not isinstance(pem, str):
        raise unreadable(PROVIDER, "DescribeCertificate")
    return pem


def _rows(answer: Fields) -> list[ListedCertificate]:
    rows = answer.get("certificates")
    if not isinstance(rows, list):
        raise unreadable(PROVIDER, "ListCertificates")
    return [_listed(row) for row in rows]


def _listed(row: Fields) -> ListedCertificate:
    created = row.get("creationDate")
    if not isinstance(created, datetime):
        raise unreadable(PROVIDER, "ListCertificates")
    return ListedCertificate(
        str(row.get("certificateId")), str(row.get("certificateArn")), str(row.get("status")), created
    )


def attachments(arn: str) -> Generator[Query, Fields, list[str]]:
    """Return the names of the things and of the policies that a certificate is attached to."""
    things = yield from scan("ListPrincipalThings", {"principal": arn}, "things", "nextToken", "nextToken")
    policies = yield from scan("ListAttachedPolicies", {"target": arn}, "policies", "marker", "nextMarker")
    return [*map(str, things), *(str(policy.get("policyName")) for policy in policies)]


def deactivate(certificate_id: str) -> Query:
    """Return the request that makes a certificate useless, until somebody activates it again."""
    return Query("UpdateCertificate", {"certificateId": certificate_id, "newStatus": "INACTIVE"})


def certificate_finders() -> Mapping[str, Finder]:
    """Return the finders for certificates, by operation; those of one client, for one of them remembers keys."""
    return {
        "CreateCertificateFromCsr": of_request(),
        "RegisterCertificate": registered("DescribeCertificate", "certificatePem"),
        "RegisterCertificateWithoutCA": registered("DescribeCertificate", "certificatePem"),
        "RegisterCACertificate": registered("DescribeCACertificate", "caCertificate"),
    }
