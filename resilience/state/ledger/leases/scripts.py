"""
What a Redis server does for a ledger, as scripts: each is one change, by the server's clock.

All keys have one hash tag, so that a cluster has them on one server. Claims are the fields of a hash, ``TOKEN UNTIL
HOLDER``; entries are the fields of another one, in JSON that begins with the token and the times of the server. Nothing
has a time to live: a server that is short of memory must not forget.
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "{resilience:ledger}:"
CLAIMS: Final = f"{PREFIX}claims"
ENTRIES: Final = f"{PREFIX}entries"
TOKENS: Final = f"{PREFIX}tokens"
RENAMED: Final = f"{PREFIX}renamed:"
"""The set of the renamed entries of one kind, which follows."""

RUNS: Final = f"{PREFIX}runs"
"""The runs of fleets that have not ended: when the last one began, and its span."""

_NOW: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
"""

_HELD: Final = """
local function token_of(key)
  local held = redis.call('HGET', KEYS[1], key)
  return held and string.match(held, '^%d+')
end
"""

# Keys: claims, tokens. Arguments: key, holder, lease.
CLAIM: Final = (
    _NOW
    + """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then
  local ends, holder = string.match(held, '^%d+ (%S+) (.*)$')
  if holder ~= ARGV[2] and tonumber(ends) >= now then return false end
end
local token = redis.call('INCR', KEYS[2])
local claim = string.format('%d %.6f %s', token, now + tonumber(ARGV[3]), ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], claim)
return token
"""
)

# Keys: claims. Arguments: lease, and each key with its token.
RENEW: Final = (
    _NOW
    + """
local still = {}
for place = 2, #ARGV, 2 do
  local held = redis.call('HGET', KEYS[1], ARGV[place])
  local token, holder = string.match(held or '', '^(%d+) %S+ (.*)$')
  if token == ARGV[place + 1] then
    local claim = string.format('%s %.6f %s', token, now + tonumber(ARGV[1]), holder)
    redis.call('HSET', KEYS[1], ARGV[place], claim)
    still[#still + 1] = ARGV[place]
  end
end
return still
"""
)

# Keys: claims. Arguments: each key with its token.
RELEASE: Final = (
    _HELD
    + """
for place = 1, #ARGV, 2 do
  if token_of(ARGV[place]) == ARGV[place + 1] then redis.call('HDEL', KEYS[1], ARGV[place]) end
end
return 1
"""
)

# Keys: claims, entries, the renamed ones of the kind. Arguments: key, token, the end of the entry, whether it is
# renamed, and lease for START.
_KEEP: Final = """
local function keep(started, done)
  local head = '{"token":' .. ARGV[2] .. ',"started_at":' .. started .. ',"done_at":' .. done .. ','
  redis.call('HSET', KEYS[2], ARGV[1], head .. ARGV[3])
  if ARGV[4] == '1' then redis.call('SADD', KEYS[3], ARGV[1]) else redis.call('SREM', KEYS[3], ARGV[1]) end
end
"""

START: Final = (
    _NOW
    + _KEEP
    + """
local held = redis.call('HGET', KEYS[1], ARGV[1])
local token, holder = string.match(held or '', '^(%d+) %S+ (.*)$')
if token ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%s %.6f %s', token, now + tonumber(ARGV[5]), holder))
keep(string.format('%.6f', now), 'null')
return 1
"""
)

FINISH: Final = (
    _NOW
    + _HELD
    + _KEEP
    + """
local old = redis.call('HGET', KEYS[2], ARGV[1])
local token, started, done = string.match(old or '', '^{"token":(%d+),"started_at":([%d.]+),"done_at":([%w.]+),')
if token_of(ARGV[1]) ~= ARGV[2] then
  -- An earlier try may have done it, and its answer was lost.
  if token == ARGV[2] and done ~= 'null' then return 1 end
  return 0
end
local written = string.format('%.6f', now)
keep(started or written, written)
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
"""
)

# Keys: claims, entries, the renamed ones of the kind. Arguments: key, token.
FORGET: Final = (
    _HELD
    + """
if token_of(ARGV[1]) ~= ARGV[2] then return false end
redis.call('SREM', KEYS[3], ARGV[1])
return redis.call('HDEL', KEYS[2], ARGV[1])
"""
)

# Keys: runs. Arguments: the fleet, and the span of its run.
BEGIN_RUN: Final = (
    _NOW
    + """
return redis.call('HSET', KEYS[1], ARGV[1], string.format('%.6f %s', now, ARGV[2]))
"""
)

# Keys: entries, the renamed ones of the kind. Arguments: a name, as JSON has it in the text of an entry.
FIND_RENAMED: Final = """
local found = {}
for _, key in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local entry = redis.call('HGET', KEYS[1], key)
  if entry and string.find(entry, ARGV[1], 1, true) then found[#found + 1] = entry end
end
return found
"""
