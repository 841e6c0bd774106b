"""
What a call did: OpenTelemetry spans and metrics, and log records.

Three observers that an executor may have: :class:`Spans`, :class:`Metrics` and
:class:`Logs`. The first two use the providers that the program sets, whenever
that is; without them they cost next to nothing. Logs go to the standard library's
logger ``resilience.calls``. Metrics and Logs stand before Spans where observers
are listed: then what they record belongs to the span that is current.

The names and their meaning are a contract, and this is all of it: version 1.
What is taken away or comes to mean something else raises the number; what is
added does not. A name that is to go is marked here as deprecated, together with
what takes its place, in one release at least before the one that drops it.
A name that begins with a dot here begins with ``resilience``: ``.outcome`` is
``resilience.outcome``.

Spans. Attempts, refreshes and verifications are children of the operation and
current while they run, so that the spans of an HTTP client find their place.

| span | kind | covers |
|---|---|---|
| `<operation>` | CLIENT | all attempts, waits and remedies of one call |
| `attempt <operation>` | INTERNAL | one attempt, the first one too |
| `refresh_credentials <provider>` | INTERNAL | a refresh, in the call that runs it |
| `verify <operation>` | INTERNAL | one question to the verifier |
| `run <script>` | INTERNAL | a use of `resilience run`: the calls of all its processes that have no span around them |

Attributes of spans. What is not known is absent. A sampler sees those down to
`cloud.provider` when an operation begins.

| attribute | type | on | meaning |
|---|---|---|---|
| `.operation.name` | string | operation | the operation |
| `.policy.name` | string | operation, run | the policy's name |
| `.policy.hash` | string | operation, run | the first 12 hex digits of a hash of its effective content |
| `.policy.env` | string | operation, run | its environment |
| `cloud.provider` | string | operation | `alibaba_cloud` or `tencent_cloud` |
| `.outcome` | string | operation | how it ended: `success`, `failed`, `cancelled`, ...; not after a programming error |
| `.stop_reason` | string | operation | why it ended: `success`, `rule`, `attempts`, `deadline`, ...; likewise |
| `.attempt.count` | int | operation | attempts made |
| `.retry.delay.total` | double | operation | seconds waited in the whole call |
| `.ledger.answer` | string | operation | `new`, `done` or `unfinished`: what the ledger knew before the first attempt |
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
| `.run.calls` | int | run | calls that its processes began |
| `.run.failures` | int | run | those of them that failed |
| `error.type` | string | operation, attempt, refresh, verify | on failure: `timeout`, a code that the policy lists, \
the exception's class, or `_OTHER` |

Events, all on the operation: the decisions, when they were made.

| event | when | attributes |
|---|---|---|
| `.admission.waited` | the call had to wait before an attempt, for a millisecond or more | `.admission.gate`, \
`.admission.duration` |
| `.ledger.answered` | the ledger has been asked, before the first attempt | `.ledger.answer`, `.ledger.waited` |
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
| `.admission.gate` | string | `ledger`, `credentials` or `thread` |
| `.admission.duration` | double | seconds that it waited for that |
| `.ledger.waited` | double | seconds that another call on the same resource was waited for |
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

Metrics. Durations are monotonic; an attempt or a remedy that is cancelled is not
measured, and a call that is cancelled counts as such. Buckets are advice to the
SDK (opentelemetry-api 1.30 or newer; with an older one the SDK's own would be
used, which are made for milliseconds: give it views).

| instrument | kind | unit | attributes | buckets | what |
|---|---|---|---|---|---|
| `.operation.duration` | histogram | s | `.operation.name`, `.outcome`, `error.type` | 0.05 0.1 0.25 0.5 1 2.5 5 10 \
30 60 120 300 | a call, with its attempts, waits and remedies |
| `.operation.failures` | counter | {operation} | `.operation.name` | - | a call that failed, for whatever reason |
| `.operation.active` | updowncounter | {operation} | `.operation.name` | - | calls under way |
| `.attempt.duration` | histogram | s | `.operation.name`, `.attempt.type`, `error.type` | 0.005 0.01 0.025 0.05 0.1 \
0.25 0.5 1 2.5 5 10 30 | an attempt |
| `.admission.duration` | histogram | s | `.operation.name`, `.admission.gate` | 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 \
2.5 5 10 30 | a wait before an attempt: for the ledger, credentials or a thread |
| `.retry.delay` | histogram | s | `.operation.name`, `.decision.action` | 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 | a \
wait, as long as it was decided to be |
| `.decisions` | counter | {decision} | `.operation.name`, `.decision.action`, `error.type` | - | what was decided on \
a failed attempt or a verification |
| `.faults.unmatched` | counter | {fault} | `.operation.name` | - | a fault that no rule names, at most all statuses \
of a hundred (`http-5xx`): a gap in the policy |
| `.ledger.answers` | counter | {answer} | `.operation.name`, `.ledger.answer` | - | what the ledger knew of a \
resource before a call's first attempt |
| `.credential.refresh.duration` | histogram | s | `.credential.provider`, `error.type` | 0.005 0.01 0.025 0.05 0.1 \
0.25 0.5 1 2.5 5 10 30 | a refresh, in the call that runs it |
| `.verify.duration` | histogram | s | `.operation.name`, `.verify.answer`, `error.type` | 0.005 0.01 0.025 0.05 0.1 \
0.25 0.5 1 2.5 5 10 30 | one question to the verifier |

Attributes of metrics; each has few values.

| attribute | type | bounded by |
|---|---|---|
| `.operation.name` | string | the catalogue and the policy: an operation that neither knows is refused |
| `.outcome` | string | `success`, `success_after_retry`, `accepted`, `failed`, `exhausted`, `refused` or `cancelled`; \
absent after a programming error |
| `.attempt.type` | string | `original` is the first attempt, `retry` each later one |
| `.decision.action` | string | `retry`, `refresh`, `rename`, `verify`, `accept` or `fail` |
| `.credential.provider` | string | the sources that the executor was given |
| `.admission.gate` | string | `ledger`, `credentials` or `thread` |
| `.ledger.answer` | string | `new`, `done` or `unfinished` |
| `.verify.answer` | string | `there`, `not_there` or `failed` |
| `error.type` | string | on failure, and of the fault that a decision answers: as on spans, where only the first \
hundred classes that an executor's observer meets have a value of their own, and the rest is `_OTHER` |

A counter that is born with 1 has not increased, as alerts see it. So both counters
of what should never happen, `.operation.failures` and `.faults.unmatched`, are
there with 0 as soon as an operation's first call begins. That helps where metrics
are read between the two; a script that is over before anybody has read them
once needs an alert that takes what a new series begins with for growth, as those in
`examples/observability` do, or delta temporality.

Logs. One line each, to `resilience.calls`; a call that succeeds at once has none.
The fields stand in the record by these names (`extra=`), beside the sentence.

| record | level | fields | when |
|---|---|---|---|
| `.ledger.answered` | INFO | `.ledger.answer`, `.ledger.waited` | an earlier run has done or begun it |
| `.attempt.failed` | INFO | `.attempt.number`, `.attempt.cut`, `.error.code`, `.error.transport`, `.error.status`, \
`.request.id`, `.effect`, `.decision.action`, `.retry.delay`, `.rule.id`, `.rule.origin` | something follows it |
| `.verify.answered` | INFO | `.attempt.number`, `.verify.answer`, `.decision.action`, `.retry.delay`, `.rule.id`, \
`.rule.origin` | a verification is over |
| `.input.renamed` | INFO | `.input.field`, `.input.name` | the next attempt goes to another name, which \
`Logs(show_names=False)` does not tell |
| `.chaos.injected` | INFO | `.attempt.number`, `.chaos.id`, `.chaos.applied` | the policy's `[chaos]` makes a fault |
| `.credential.refresh` | DEBUG | `.attempt.number`, `.credential.provider`, `.credential.leads` | new credentials are \
awaited |
| `.credential.refreshed` | DEBUG | `.credential.provider` | the call that ran the refresh has them |
| `.credential.refresh.failed` | INFO | `.credential.provider`, `error.type` | it has none |
| `.rule.missing` | WARNING | `.policy.name`, `.error.code`, `.error.transport`, `.error.status`, `.request.id`, \
`.decision.action` | no rule names a fault, at most all statuses of a hundred (`http-5xx`); once for each code, and \
for 256 codes |
| `.operation.recovered` | INFO | `.outcome`, `.stop_reason`, `.attempt.count`, `.retry.delay.total` | a success after \
retries |
| `.operation.accepted` | INFO | `.outcome`, `.stop_reason`, `.attempt.count`, `.retry.delay.total`, `.verified`, \
`.error.code`, `.error.transport`, `.error.status`, `.request.id`, `.rule.id`, `.rule.origin` | a success in spite of \
a fault |
| `.operation.failed` | WARNING, INFO | `.outcome`, `.stop_reason`, `.attempt.count`, `.retry.delay.total`, \
`.error.code`, `.error.transport`, `.error.status`, `.request.id`, `.rule.id`, `.rule.origin`, `error.type` | a call \
failed; INFO where a call inside of it has said so already |
| `.operation.cancelled` | DEBUG | `.outcome`, `.stop_reason`, `.attempt.count`, `.retry.delay.total` | a call was \
cancelled |

Every record has these two as well.

| field | type | meaning |
|---|---|---|
| `.event.name` | string | which record it is |
| `.operation.name` | string | the operation |

No token, key, request parameter, URL or text of an exception gets here.
"""

from resilience.telemetry.defaults import default_observers
from resilience.telemetry.logs.observer import Logs
from resilience.telemetry.metrics.observer import Metrics
from resilience.telemetry.spans.observer import Spans
from resilience.telemetry.spans.tree import Node, build_tree

__all__ = ["Logs", "Metrics", "Node", "Spans", "build_tree", "default_observers"]
