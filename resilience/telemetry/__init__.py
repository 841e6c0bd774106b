"""
What a call did, as OpenTelemetry spans.

Give :class:`Spans` to an executor as an observer; it uses the tracer provider
that the program sets, whenever that is. Without one it costs next to nothing.
Names and their meaning are a contract, and this is all of it. A name that begins
with a dot here begins with ``resilience``: ``.outcome`` is ``resilience.outcome``.

Spans. Attempts, refreshes and verifications are children of the operation and
current while they run, so that the spans of an HTTP client find their place.

| span | kind | covers |
|---|---|---|
| `<operation>` | CLIENT | all attempts, waits and remedies of one call |
| `attempt <operation>` | INTERNAL | one attempt, the first one too |
| `refresh_credentials <provider>` | INTERNAL | a refresh, in the call that runs it |
| `verify <operation>` | INTERNAL | one question to the verifier |

Attributes of spans. What is not known is absent. A sampler sees those down to
`cloud.provider` when an operation begins.

| attribute | type | on | meaning |
|---|---|---|---|
| `.operation.name` | string | operation | the operation |
| `.policy.name` | string | operation | the policy's name |
| `.policy.hash` | string | operation | the first 12 hex digits of a hash of its effective content |
| `.policy.env` | string | operation | its environment |
| `cloud.provider` | string | operation | `alibaba_cloud` or `tencent_cloud` |
| `.outcome` | string | operation | how it ended: `success`, `failed`, `cancelled`, ...; not after a programming error |
| `.stop_reason` | string | operation | why it ended: `success`, `rule`, `attempts`, `deadline`, ...; likewise |
| `.attempt.count` | int | operation | attempts made |
| `.retry.delay.total` | double | operation | seconds waited in the whole call |
| `.verified` | bool | operation | whether a verifier confirmed an accepted call |
| `.input.field` | string | operation | the service's word for what was renamed |
| `.input.name` | string | operation | the new name, unless `Spans(show_names=False)` |
| `.attempt.number` | int | attempt, refresh, verify | from 1; of a remedy the attempt before it, or 0 |
| `.attempt.cut` | bool | attempt | true if our own limit cut it short |
| `.chaos.id` | string | attempt | the entry of `[chaos]` that made its fault, as the policy spells it |
| `.chaos.applied` | bool | attempt | whether the real call was made all the same, before that fault |
| `.effect` | string | attempt | `none` or `unknown`: whether a failed attempt changed anything |
| `.error.code` | string | operation, attempt | the service's code: its first 128 letters, digits, `.`, `_`, `-` |
| `.error.transport` | string | attempt | `unsent`, `lost` or `garbled`, where the service gave no code |
| `.error.status` | int | attempt | the HTTP status of a failed attempt |
| `.request.id` | string | attempt | what the service's support asks for |
| `.decision.action` | string | attempt, verify | `retry`, `refresh`, `rename`, `verify`, `accept` or `fail` |
| `.retry.delay` | double | attempt, verify | seconds until what was decided begins |
| `.rule.id` | string | operation, attempt, verify | the rule that decided, as the policy spells it |
| `.rule.origin` | string | operation, attempt, verify | its file and line |
| `.verify.answer` | string | verify | `there`, `not_there`, `failed` or `cancelled` |
| `.credential.provider` | string | refresh | whose credentials |
| `error.type` | string | operation, attempt, refresh, verify | on failure: `timeout`, a code that the policy lists, \
the exception's class, or `_OTHER` |

Events, all on the operation: the decisions, when they were made.

| event | when | attributes |
|---|---|---|
| `.retry.scheduled` | another attempt follows | `.attempt.number`, `.retry.delay`, `.retry.jittered`, `.retry.after`, \
`.error.code`, `.rule.id` |
| `.credential.refresh` | new credentials are awaited | `.credential.provider`, `.credential.reason`, \
`.credential.leads`, `.attempt.number`, `.error.code` |
| `.input.renamed` | the next attempt goes to another name | `.input.field`, `.input.name` |
| `.verify.scheduled` | a verification follows | `.attempt.number`, `.retry.delay`, `.error.code`, `.rule.id` |
| `.verify.answered` | a verification is over | `.attempt.number`, `.verify.answer` |
| `.error.accepted` | success in spite of a fault | `.verified`, `.error.code`, `.rule.id` |
| `.retry.exhausted` | a limit ended the call | `.retry.limit`, `.attempt.count` |

Attributes that only events have:

| attribute | type | meaning |
|---|---|---|
| `.retry.jittered` | bool | whether a part of the delay is chance |
| `.retry.after` | double | seconds that the server asked to wait |
| `.retry.limit` | string | `attempts`, `deadline`, `max` or `budget` |
| `.credential.reason` | string | `fault`, or `ahead`: there were none yet, or they expire soon |
| `.credential.leads` | bool | whether this call runs the refresh; the others wait for it |

Links. Each says in `.link.kind` which one it is.

| link | from | to |
|---|---|---|
| `previous_attempt` | an attempt | the attempt before it |
| `refresh` | the operation of a call that waits for a refresh | the refresh, in the call that runs it |

Status. An operation is an error if the call failed, was refused or was cut
short, and says why in our words. A failed attempt is an error unless its fault
was accepted, a remedy if it failed. All else is unset, also what was cancelled.

No token, key, request parameter, URL or text of an exception gets here.
"""

from resilience.telemetry.spans import Spans
from resilience.telemetry.tree import Node, build_tree

__all__ = ["Node", "Spans", "build_tree"]
