"""The statements of a ledger in PostgreSQL."""

from __future__ import annotations

from typing import Final

FORMAT: Final = 1
COMMENT: Final = "mqtt-resilience: ledger, format "
"""What the comment of the table begins with; the format follows."""

RUNS: Final = """
CREATE TABLE IF NOT EXISTS resilience_runs (
    fleet       text PRIMARY KEY,
    traceparent text NOT NULL,
    began_at    double precision NOT NULL
);
"""

# Keys are compared by their bytes, so that a range of them is what begins with the same text. The sequence goes on when
# a claim ends, so that no token comes twice.
TABLES: Final = (
    RUNS
    + """
CREATE SEQUENCE IF NOT EXISTS resilience_tokens;
CREATE TABLE IF NOT EXISTS resilience_claims (
    key    text COLLATE "C" PRIMARY KEY,
    token  bigint NOT NULL,
    holder text NOT NULL,
    until  timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS resilience_ledger (
    key        text COLLATE "C" PRIMARY KEY,
    provider   text,
    operation  text NOT NULL,
    resource   text NOT NULL,
    state      text NOT NULL CHECK (state IN ('started', 'done')),
    renamed    text NOT NULL DEFAULT '{}',
    number     integer NOT NULL DEFAULT 1,
    started_at double precision NOT NULL,
    done_at    double precision,
    token      bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS resilience_renamed ON resilience_ledger (key) WHERE renamed <> '{}';
"""
)
TELL: Final = f"COMMENT ON TABLE resilience_ledger IS '{COMMENT}{FORMAT}'"

IS_LAX: Final = """
SELECT 1 FROM pg_settings WHERE name = 'synchronous_commit' AND reset_val <> 'on'
"""
KNOWN: Final = """
SELECT to_regclass('resilience_ledger')::text, obj_description(to_regclass('resilience_ledger'))
"""
CLAIM: Final = """
INSERT INTO resilience_claims AS old (key, token, holder, until)
VALUES (%(key)s, nextval('resilience_tokens'), %(holder)s, clock_timestamp() + make_interval(secs => %(lease)s))
ON CONFLICT (key) DO UPDATE SET token = excluded.token, holder = excluded.holder, until = excluded.until
WHERE old.until < clock_timestamp() OR old.holder = excluded.holder
RETURNING token
"""
RENEW: Final = """
UPDATE resilience_claims AS held SET until = clock_timestamp() + make_interval(secs => %(lease)s)
FROM unnest(%(keys)s::text[], %(tokens)s::bigint[]) AS mine (key, token)
WHERE held.key = mine.key AND held.token = mine.token
RETURNING held.key
"""
RELEASE: Final = """
DELETE FROM resilience_claims AS held
USING unnest(%(keys)s::text[], %(tokens)s::bigint[]) AS mine (key, token)
WHERE held.key = mine.key AND held.token = mine.token
"""
# The claim's row is changed first, so that another process that takes the key over waits, or has done so before.
START: Final = """
WITH mine AS (
    UPDATE resilience_claims SET until = clock_timestamp() + make_interval(secs => %(lease)s)
    WHERE key = %(key)s AND token = %(token)s
    RETURNING key
)
INSERT INTO resilience_ledger (key, provider, operation, resource, state, renamed, number, started_at, done_at, token)
SELECT key, %(provider)s, %(operation)s, %(resource)s, 'started', %(renamed)s, %(number)s,
    extract(epoch FROM clock_timestamp()), NULL, %(token)s
FROM mine
ON CONFLICT (key) DO UPDATE SET state = excluded.state, renamed = excluded.renamed, number = excluded.number,
    started_at = excluded.started_at, done_at = excluded.done_at, token = excluded.token
"""
FINISH: Final = """
WITH mine AS (
    DELETE FROM resilience_claims WHERE key = %(key)s AND token = %(token)s RETURNING key
)
INSERT INTO resilience_ledger (key, provider, operation, resource, state, renamed, number, started_at, done_at, token)
SELECT key, %(provider)s, %(operation)s, %(resource)s, 'done', %(renamed)s, %(number)s,
    extract(epoch FROM clock_timestamp()), extract(epoch FROM clock_timestamp()), %(token)s
FROM mine
ON CONFLICT (key) DO UPDATE SET state = excluded.state, renamed = excluded.renamed, number = excluded.number,
    done_at = excluded.done_at, token = excluded.token
"""
IS_FINISHED: Final = """
SELECT 1 FROM resilience_ledger
WHERE key = %(key)s AND token = %(token)s AND state = 'done'
"""
HOLD: Final = """
SELECT 1 FROM resilience_claims
WHERE key = %(key)s AND token = %(token)s
FOR UPDATE
"""
FORGET: Final = """
DELETE FROM resilience_ledger
WHERE key = %(key)s
"""
GET: Final = """
SELECT key, provider, operation, resource, state, renamed, number, started_at, done_at
FROM resilience_ledger
WHERE key = %(key)s
"""
STATES: Final = """
SELECT key, state FROM resilience_ledger WHERE key = ANY(%(keys)s::text[])
"""
# After its prefix every key of a kind has a brace, and "|" is the character after the brace.
RENAMED: Final = """
SELECT key, provider, operation, resource, state, renamed, number, started_at, done_at
FROM resilience_ledger
WHERE renamed <> '{}' AND key >= %(first)s AND key < %(last)s AND strpos(renamed, %(name)s) > 0
"""
HAS_RUNS: Final = "SELECT to_regclass('resilience_runs')::text"
UNENDED_RUN: Final = """
SELECT traceparent, began_at FROM resilience_runs WHERE fleet = %(fleet)s
"""
BEGIN_RUN: Final = """
INSERT INTO resilience_runs (fleet, traceparent, began_at)
VALUES (%(fleet)s, %(traceparent)s, extract(epoch FROM clock_timestamp()))
ON CONFLICT (fleet) DO UPDATE SET traceparent = excluded.traceparent, began_at = excluded.began_at
"""
END_RUN: Final = """
DELETE FROM resilience_runs WHERE fleet = %(fleet)s
"""
ALL: Final = """
SELECT key, provider, operation, resource, state, renamed, number, started_at, done_at
FROM resilience_ledger
ORDER BY key
"""
