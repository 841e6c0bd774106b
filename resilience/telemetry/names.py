"""The names of spans' attributes, events and links; what they mean stands in the package's docstring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OPERATION_NAME: Final = "resilience.operation.name"
POLICY_NAME: Final = "resilience.policy.name"
POLICY_HASH: Final = "resilience.policy.hash"
POLICY_ENV: Final = "resilience.policy.env"
CLOUD_PROVIDER: Final = "cloud.provider"
OUTCOME: Final = "resilience.outcome"
STOP_REASON: Final = "resilience.stop_reason"
ATTEMPT_COUNT: Final = "resilience.attempt.count"
ATTEMPT_NUMBER: Final = "resilience.attempt.number"
ATTEMPT_CUT: Final = "resilience.attempt.cut"
CHAOS_ID: Final = "resilience.chaos.id"
CHAOS_APPLIED: Final = "resilience.chaos.applied"
DELAY: Final = "resilience.retry.delay"
DELAY_TOTAL: Final = "resilience.retry.delay.total"
JITTERED: Final = "resilience.retry.jittered"
RETRY_AFTER: Final = "resilience.retry.after"
LIMIT: Final = "resilience.retry.limit"
RULE_ID: Final = "resilience.rule.id"
RULE_ORIGIN: Final = "resilience.rule.origin"
ERROR_CODE: Final = "resilience.error.code"
ERROR_TRANSPORT: Final = "resilience.error.transport"
ERROR_STATUS: Final = "resilience.error.status"
REQUEST_ID: Final = "resilience.request.id"
EFFECT: Final = "resilience.effect"
ACTION: Final = "resilience.decision.action"
VERIFIED: Final = "resilience.verified"
VERIFY_ANSWER: Final = "resilience.verify.answer"
CREDENTIAL_PROVIDER: Final = "resilience.credential.provider"
CREDENTIAL_REASON: Final = "resilience.credential.reason"
CREDENTIAL_LEADS: Final = "resilience.credential.leads"
INPUT_FIELD: Final = "resilience.input.field"
INPUT_NAME: Final = "resilience.input.name"
LINK_KIND: Final = "resilience.link.kind"
ERROR_TYPE: Final = "error.type"

RETRY_SCHEDULED: Final = "resilience.retry.scheduled"
CREDENTIAL_REFRESH: Final = "resilience.credential.refresh"
INPUT_RENAMED: Final = "resilience.input.renamed"
VERIFY_SCHEDULED: Final = "resilience.verify.scheduled"
VERIFY_ANSWERED: Final = "resilience.verify.answered"
ERROR_ACCEPTED: Final = "resilience.error.accepted"
RETRY_EXHAUSTED: Final = "resilience.retry.exhausted"

PREVIOUS_ATTEMPT: Final = "previous_attempt"
REFRESH: Final = "refresh"

CLOUDS: Final[Mapping[str, str]] = {"alibaba": "alibaba_cloud", "tencent": "tencent_cloud"}
"""What OpenTelemetry calls our providers (semantic conventions 1.44.0, "Cloud", read 2026-11-21)."""

# The version of the semantic conventions that `cloud.provider` and `error.type` are taken from.
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
