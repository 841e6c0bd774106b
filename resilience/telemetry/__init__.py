"""
Show calls as OpenTelemetry spans and metrics, and as log records.

The observers are :class:`Spans`, :class:`Metrics` and :class:`Logs`. Spans and
metrics use the providers that the program sets, before or after the executor is
made; without a provider they cost next to nothing. Log records go to the standard
library's logger ``resilience.calls``. In a list of observers put Metrics and Logs
before Spans: what they record then belongs to the span of the call.

The names and their meaning are a contract, version 1, and this page has all of
it. The number rises when a name is removed or changes its meaning, and not when a
name is added. A name that will be removed is marked here as deprecated, with its
replacement, for at least one release. A name that begins with a dot here begins
with ``resilience``: ``.outcome`` is ``resilience.outcome``.

Spans. Attempts, refreshes and verifications are children of the operation's span,
and current while they run. So the spans of an HTTP client are their children.

| span | kind | covers |
|---|---|---|
| `<operation>` | CLIENT | all attempts, waits and remedies of one call |
| `attempt <operation>` | INTERNAL | one attempt, the first one too |
| `refresh_credentials <provider>` | INTERNAL | a refresh, in the call that runs it |
| `verify <operation>` | INTERNAL | one question to the verifier |
| `run <script>` | INTERNAL | a use of `resilience run`: the calls of all its processes that have no span around them |
| `fleet <operation>` | INTERNAL | the calls of all rows of `resilience fleet` or `provision`, in all processes; with \
a link to the run before, if that has not ended |
| `chunk <operation>` | INTERNAL | the calls of the rows that `run_chunk` was given; below the span that was current \
where the chunk was made |

Attributes of spans. An attribute with an unknown value is absent. A sampler sees
the attributes down to `cloud.provider` when an operation begins.

| attribute | type | on | meaning |
|---|---|---|---|
| `.operation.name` | string | operation | the operation |
| `.policy.name` | string | operation, run, fleet, chunk | the policy's name |
| `.policy.hash` | string | operation, run, fleet, chunk | the first 12 hex digits of a hash of the policy's effective \
content |
| `.policy.env` | string | operation, run, fleet, chunk | the policy's environment |
| `cloud.provider` | string | operation | `alibaba_cloud` or `tencent_cloud` |
| `.outcome` | string | operation | how the call ended: `success`, `failed`, `cancelled`, ...; absent after a \
programming error |
| `.stop_reason` | string | operation | why the call ended: `success`, `rule`, `attempts`, `deadline`, ...; absent \
after a programming error |
| `.attempt.count` | int | operation | the number of attempts |
| `.retry.delay.total` | double | operation | the sum of all waits of the call, in seconds |
| `.ledger.answer` | string | operation | `new`, `done` or `unfinished`: what the ledger knew before the first attempt |
| `.verified` | bool | operation | whether a verifier confirmed an accepted call |
| `.input.field` | string | operation | the request field that was renamed, as the service spells it |
| `.input.name` | string | operation | the new name, unless `Spans(show_names=False)` |
| `.attempt.number` | int | attempt, refresh, verify | counted from 1; a remedy has the number of the attempt before \
it, or 0 |
| `.attempt.cut` | bool | attempt | true if a limit of the policy cut the attempt short |
| `.chaos.id` | string | attempt | the entry of `[chaos]` that made the fault, as the policy spells it |
| `.chaos.applied` | bool | attempt | whether the real call was made before the injected fault |
| `.effect` | string | attempt | `none` or `unknown`: whether a failed attempt changed anything |
| `.error.code` | string | operation, attempt | the service's code: its first 128 letters, digits, `.`, `_`, `-` |
| `.error.transport` | string | attempt | `unsent`, `lost` or `garbled`, if the service gave no code |
| `.error.status` | int | attempt | the HTTP status of a failed attempt |
| `.request.id` | string | attempt | the service's id of the request, for its support |
| `.decision.action` | string | attempt, verify | `retry`, `refresh`, `rename`, `verify`, `accept` or `fail` |
| `.retry.delay` | double | attempt, verify | seconds until the next attempt or remedy begins |
| `.rule.id` | string | operation, attempt, verify | the rule that decided, as the policy spells it |
| `.rule.origin` | string | operation, attempt, verify | the rule's file and line |
| `.verify.answer` | string | verify | `there`, `not_there`, `discarded`, `failed` or `cancelled` |
| `.credential.provider` | string | refresh | the provider of the credentials |
| `.run.calls` | int | run | the calls that the run's processes began |
| `.run.failures` | int | run | the calls that failed |
| `.fleet.rows` | int | fleet, chunk | the rows: one call for each |
| `.fleet.done` | int | fleet, chunk | the rows whose calls succeeded, or were done by an earlier run |
| `.fleet.failures` | int | fleet, chunk | the rows whose calls failed; the others have no outcome |
| `.fleet.delivery` | int | chunk | 2 or more: how often the rows were given to a worker; the span is linked to those \
of the earlier times |
| `error.type` | string | operation, attempt, refresh, verify, fleet, chunk | on failure: `timeout`, a code that the \
policy lists, the exception's class, or `_OTHER` |

Events, all on the operation's span.

| event | when | attributes |
|---|---|---|
| `.admission.waited` | the call had to wait before an attempt, for a millisecond or more | `.admission.gate`, \
`.admission.duration` |
| `.breaker.changed` | a breaker has changed its state, in this call or by hand before it | `.breaker.name`, \
`.breaker.state`, `.breaker.before`, `.breaker.shadow`, `.breaker.by_hand`, `.breaker.failures`, `.breaker.results` |
| `.rate.adapted` | a rate limit has adapted to what the service takes, in this call or before it | `.rate.provider`, \
`.rate.operation`, `.rate.limit`, `.rate.before`, `.rate.declared`, `.rate.refused`, `.rate.answered` |
| `.state.changed` | the store that processes share went away, or is back; told by one call | `.state.away`, \
`.state.on_unavailable` |
| `.budget.paid` | the retry budget paid for the next attempt | `.budget.provider`, `.budget.left` |
| `.ledger.answered` | the ledger has been asked, before the first attempt | `.ledger.answer`, `.ledger.waited` |
| `.retry.scheduled` | another attempt follows | `.attempt.number`, `.retry.delay`, `.retry.jittered`, `.retry.after`, \
`.error.code`, `.rule.id` |
| `.credential.refresh` | the call gets new credentials, or waits for them | `.credential.provider`, \
`.credential.reason`, `.credential.leads`, `.attempt.number`, `.error.code` |
| `.input.renamed` | the next attempt goes to another name | `.input.field`, `.input.name` |
| `.verify.scheduled` | a verification follows | `.attempt.number`, `.retry.delay`, `.error.code`, `.rule.id` |
| `.verify.answered` | a verification is over | `.attempt.number`, `.verify.answer` |
| `.error.accepted` | the policy accepted a fault as a success | `.verified`, `.error.code`, `.rule.id` |
| `.retry.exhausted` | a limit ended the call | `.retry.limit`, `.attempt.count` |

Attributes of events alone.

| attribute | type | meaning |
|---|---|---|
| `.admission.gate` | string | `ledger`, `credentials`, `rate`, `concurrency` or `thread` |
| `.admission.duration` | double | seconds that the call waited at the gate |
| `.breaker.name` | string | the provider of the breaker; `provider:operation` where each operation has its own |
| `.breaker.state` | string | `closed`, `open` or `half_open` |
| `.breaker.before` | string | the state before; likewise |
| `.breaker.shadow` | bool | whether the breaker only watches, and refuses nothing |
| `.breaker.by_hand` | bool | whether the program asked for the state |
| `.breaker.failures` | int | the failures in the window when they opened the breaker |
| `.breaker.results` | int | all results in the window; likewise |
| `.rate.provider` | string | the provider of the rate limit |
| `.rate.operation` | string | the operation whose limit has adapted |
| `.rate.limit` | double | the requests per second that are sent at most from now on |
| `.rate.before` | double | those that were sent at most before |
| `.rate.declared` | double | those that the policy declares; absent where it declares nothing |
| `.rate.refused` | int | the requests of the last window that were throttled |
| `.rate.answered` | int | all requests of the last window that were answered |
| `.state.away` | bool | whether the store cannot be used any more; false if it can again |
| `.state.on_unavailable` | string | what the policy says of calls meanwhile: `local` or `fail` |
| `.budget.provider` | string | the provider of the retry budget |
| `.budget.left` | int | the retries that the budget would pay for at once, after this one |
| `.ledger.waited` | double | seconds that the call waited for another call on the same resource |
| `.retry.jittered` | bool | whether a part of the delay is random |
| `.retry.after` | double | seconds that the server asked to wait |
| `.retry.limit` | string | `attempts`, `deadline`, `max` or `budget` |
| `.credential.reason` | string | `fault`, or `ahead`: there were no credentials yet, or they expire soon |
| `.credential.leads` | bool | whether this call runs the refresh; other calls wait for it |

Links. The attribute `.link.kind` has the name in the first column.

| link | from | to |
|---|---|---|
| `previous_attempt` | an attempt | the attempt before it |
| `refresh` | the operation of a call that waits for a refresh | the refresh, in the call that runs it |

Status. An operation's span is an error if the call failed, was refused or was cut
short; the description says why. An attempt's span is an error if the attempt
failed and its fault was not accepted, a remedy's if the remedy failed. Every
other status is unset, also after a cancellation.

Metrics. Durations are monotonic. A cancelled attempt or remedy is not measured; a
cancelled call has the outcome `cancelled`. The SDK takes the buckets as advice
with opentelemetry-api 1.30 or newer. With an older one it uses its own buckets,
which suit milliseconds: configure views.

| instrument | kind | unit | attributes | buckets | what |
|---|---|---|---|---|---|
| `.operation.duration` | histogram | s | `.operation.name`, `.outcome`, `error.type` | 0.05 0.1 0.25 0.5 1 2.5 5 10 \
30 60 120 300 | a call, with its attempts, waits and remedies |
| `.operation.failures` | counter | {operation} | `.operation.name` | - | a call that failed, for any reason |
| `.operation.active` | updowncounter | {operation} | `.operation.name` | - | calls under way |
| `.attempt.duration` | histogram | s | `.operation.name`, `.attempt.type`, `error.type` | 0.005 0.01 0.025 0.05 0.1 \
0.25 0.5 1 2.5 5 10 30 | an attempt |
| `.admission.duration` | histogram | s | `.operation.name`, `.admission.gate` | 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 \
2.5 5 10 30 | a wait before an attempt: for the ledger, credentials, rate limits or a thread |
| `.retry.delay` | histogram | s | `.operation.name`, `.decision.action` | 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300 | a \
wait before an attempt or a remedy, as long as the policy decided |
| `.decisions` | counter | {decision} | `.operation.name`, `.decision.action`, `error.type` | - | a decision after a \
failed attempt or a verification |
| `.faults.unmatched` | counter | {fault} | `.operation.name` | - | a fault that no rule names, or only a rule for a \
hundred statuses (`http-5xx`): a gap in the policy |
| `.ledger.answers` | counter | {answer} | `.operation.name`, `.ledger.answer` | - | an answer of the ledger, before a \
call's first attempt |
| `.breaker.changes` | counter | {change} | `.breaker.name`, `.breaker.state` | - | a change of a breaker to another \
state |
| `.breaker.state` | updowncounter | {breaker} | `.breaker.name`, `.breaker.state` | - | 1 for the state that a \
breaker is in, 0 for its other states |
| `.budget.retries` | updowncounter | {retry} | `.budget.provider` | - | the retries that a budget has left |
| `.rate.limit` | updowncounter | {request}/s | `.rate.provider`, `.rate.scope`, `.rate.shared`, `.rate.operation` | - \
| the requests per second that are sent at most, at present: of an operation, an account or a host |
| `.rate.declared` | updowncounter | {request}/s | `.rate.provider`, `.rate.scope`, `.rate.shared`, `.rate.operation` \
| - | the requests per second that the policy declares |
| `.rate.adaptations` | counter | {change} | `.rate.provider`, `.rate.operation`, `.rate.direction` | - | a change of \
a rate limit that adapts |
| `.concurrency.limit` | updowncounter | {attempt} | `.rate.provider` | - | the attempts that are under way at most |
| `.attempt.active` | updowncounter | {attempt} | `.rate.provider` | - | attempts under way, of providers with rate \
limits |
| `.admission.waiting` | updowncounter | {operation} | `.operation.name` | - | calls that wait for their turn in the \
rate limits |
| `.credential.refresh.duration` | histogram | s | `.credential.provider`, `error.type` | 0.005 0.01 0.025 0.05 0.1 \
0.25 0.5 1 2.5 5 10 30 | a refresh, in the call that runs it |
| `.verify.duration` | histogram | s | `.operation.name`, `.verify.answer`, `error.type` | 0.005 0.01 0.025 0.05 0.1 \
0.25 0.5 1 2.5 5 10 30 | one question to the verifier |

Attributes of metrics, with the bound of their values.

| attribute | type | bounded by |
|---|---|---|
| `.operation.name` | string | the catalogue and the policy: an operation that neither knows is refused |
| `.outcome` | string | `success`, `success_after_retry`, `accepted`, `failed`, `exhausted`, `refused` or `cancelled`; \
absent after a programming error |
| `.attempt.type` | string | `original` is the first attempt, `retry` each later one |
| `.decision.action` | string | `retry`, `refresh`, `rename`, `verify`, `accept` or `fail` |
| `.credential.provider` | string | the sources that the executor was given |
| `.admission.gate` | string | `ledger`, `credentials`, `rate`, `concurrency` or `thread` |
| `.breaker.name` | string | the policy's `[breaker]` tables, and the catalogue where each operation has a breaker of \
its own |
| `.breaker.state` | string | `closed`, `open` or `half_open` |
| `.rate.provider` | string | the policy's `[rate]` tables |
| `.rate.scope` | string | what the limit counts: `operation`, `account` or `host`; all hosts have the same limit |
| `.rate.shared` | bool | whether several processes have the limit together, through a store; otherwise the limits of \
processes add up |
| `.rate.operation` | string | the catalogue and the policy; absent for an account and a host |
| `.rate.direction` | string | `up` or `down` |
| `.budget.provider` | string | the policy's `[budget]` tables |
| `.ledger.answer` | string | `new`, `done` or `unfinished` |
| `.verify.answer` | string | `there`, `not_there`, `discarded` or `failed` |
| `error.type` | string | on failure, and for the fault that a decision answers: as on spans; only the first hundred \
classes that an executor's observer meets have their own value, the rest is `_OTHER` |

A counter that begins with 1 has not increased, as alerts see it. So the counters
`.operation.failures` and `.faults.unmatched` begin with 0 when an operation's
first call begins. That helps if the metrics are read before a failure. A script
may end before its metrics are read once. Then use an alert that counts the first
value of a new series as growth, as those in `examples/observability` do, or delta
temporality.

Logs. A record is one line to `resilience.calls`. A call that succeeds at once has
none. A record has the fields as attributes of these names (`extra=`), beside the
sentence.

| record | level | fields | when |
|---|---|---|---|
| `.ledger.answered` | INFO | `.ledger.answer`, `.ledger.waited` | an earlier run has done or begun the call's \
resource |
| `.breaker.changed` | WARNING, INFO | `.breaker.name`, `.breaker.state`, `.breaker.before`, `.breaker.shadow`, \
`.breaker.by_hand`, `.breaker.failures`, `.breaker.results` | a breaker has changed its state; WARNING where it is \
open now |
| `.rate.adapted` | INFO | `.rate.provider`, `.rate.operation`, `.rate.limit`, `.rate.before`, `.rate.declared`, \
`.rate.refused`, `.rate.answered` | a rate limit has adapted to what the service takes |
| `.attempt.failed` | INFO | `.attempt.number`, `.attempt.cut`, `.error.code`, `.error.transport`, `.error.status`, \
`.request.id`, `.effect`, `.decision.action`, `.retry.delay`, `.rule.id`, `.rule.origin` | an attempt failed, and \
another attempt or a remedy follows |
| `.verify.answered` | INFO | `.attempt.number`, `.verify.answer`, `.decision.action`, `.retry.delay`, `.rule.id`, \
`.rule.origin` | a verification is over |
| `.input.renamed` | INFO | `.input.field`, `.input.name` | the next attempt goes to another name, which \
`Logs(show_names=False)` does not tell |
| `.chaos.injected` | INFO | `.attempt.number`, `.chaos.id`, `.chaos.applied` | the policy's `[chaos]` makes a fault |
| `.credential.refresh` | DEBUG | `.attempt.number`, `.credential.provider`, `.credential.leads` | the call gets new \
credentials, or waits for them |
| `.credential.refreshed` | DEBUG | `.credential.provider` | the call that ran the refresh has new credentials |
| `.credential.refresh.failed` | INFO | `.credential.provider`, `error.type` | the refresh failed, in the call that \
ran it |
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

Fields of every record.

| field | type | meaning |
|---|---|---|
| `.event.name` | string | which record it is |
| `.operation.name` | string | the operation |

Telemetry never has a token, a key, a request parameter, a URL or the text of an
exception.
"""

from resilience.telemetry.defaults import default_observers
from resilience.telemetry.logs.observer import Logs
from resilience.telemetry.metrics.observer import Metrics
from resilience.telemetry.spans.observer import Spans
from resilience.telemetry.spans.tree import Node, build_tree

__all__ = ["Logs", "Metrics", "Node", "Spans", "build_tree", "default_observers"]
