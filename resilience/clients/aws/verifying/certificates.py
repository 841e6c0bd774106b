"""
Certificates of an account: the name of one that was registered, and the newest of them.

The id of a certificate is its fingerprint: the SHA-256 of its DER form, in hexadecimal digits. It is known before the
call that registers it. A certificate that the service makes has no such name. Source: botocore 1.43.117, the model of
``iot``; read 2026-11-28.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Generator, Mapping
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from resilience.clients.aws.traits import PROVIDER
from resilience.clients.aws.verifying.finders import absent, scan
from resilience.clients.common.lookups import Ambiguous, ExpectedResource, Fields, Finder, Query, Search, unreadable

# The rows that a page may have (the model, PageSize).
_PAGE: Final = 250

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
        rows = answer.get("certificates")
        if not isinstance(rows, list):
            raise unreadable(PROVIDER, "ListCertificates")
        page = [_listed(row) for row in rows]
        found += [row for row in page if row.created >= since]
        # An older row alone does not end the search: several may have been made in one second.
        if not answer.get("nextMarker") or (page and all(row.created < since for row in page)):
            return sorted(found, key=lambda row: row.created, reverse=True)
        marker = {"marker": answer["nextMarker"]}


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


CERTIFICATE_FINDERS: Final[Mapping[str, Finder]] = {
    "RegisterCertificate": registered("DescribeCertificate", "certificatePem"),
    "RegisterCertificateWithoutCA": registered("DescribeCertificate", "certificatePem"),
    "RegisterCACertificate": registered("DescribeCACertificate", "caCertificate"),
}
"""The finders for certificates, by operation."""
