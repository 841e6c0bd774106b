"""
What the Redis store does on the server, as scripts: each is one change, by the server's clock.

The arithmetic of slots is that of :mod:`.slots`.
"""

from __future__ import annotations

from typing import Final

EXCHANGE: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local known = redis.call('HMGET', KEYS[1], 'version', 'value')
local version, value = known[1] or '', known[2] or ''
if ARGV[2] == '' or ARGV[1] ~= version then
  return {string.format('%.6f', now), version, value, 0}
end
local following = string.format('%.6f', math.max(now, (tonumber(version) or 0) + 0.000001))
redis.call('HSET', KEYS[1], 'version', following, 'value', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {string.format('%.6f', now), following, ARGV[2], 1}
"""
"""
Puts a value in the place of another. The key; the version, the new value, and how long it lasts in milliseconds.
Returns the time, the version, the value and whether it was changed.
"""

RESERVE: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local wanted, after, within, name = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local jump = tonumber(ARGV[5])
local place = 6
local function following()
  place = place + 1
  return ARGV[place - 1]
end
local function text(number)
  return string.format('%.6f', number)
end
local function from_last(limit, count)
  local found = redis.call('ZRANGE', limit.places, -count, -count, 'WITHSCORES')
  return found[2] and tonumber(found[2])
end

local limits = {}
for number = 1, tonumber(following()) do
  local limit = {places = KEYS[2 * number - 1], pace_key = KEYS[2 * number]}
  for _, field in ipairs({'count', 'held', 'gap', 'least_gap', 'slack'}) do
    limit[field] = tonumber(following())
  end
  local known = redis.call('HMGET', limit.pace_key, 'pace', 'last')
  limit.pace = known[1] and tonumber(known[1]) or -math.huge
  limit.last = known[2] and tonumber(known[2]) or -math.huge
  limits[number] = limit
end
local late, unused = {}, {}
for number = 1, tonumber(following()) do
  late[number] = {following(), following()}
end
for number = 1, tonumber(following()) do
  unused[number] = following()
end

for _, limit in ipairs(limits) do
  if math.max(limit.pace, from_last(limit, 1) or now) > now + within + jump then
    for _, each in ipairs(redis.call('ZRANGEBYSCORE', limit.places, '(' .. text(now), '+inf')) do
      redis.call('ZADD', limit.places, text(now), each)
    end
    limit.pace, limit.last = math.min(limit.pace, now), math.min(limit.last, now)
  end
  redis.call('ZREMRANGEBYSCORE', limit.places, '-inf', text(now - limit.held))
  for _, each in ipairs(late) do
    redis.call('ZADD', limit.places, 'XX', each[2], each[1])
  end
  for _, each in ipairs(unused) do
    redis.call('ZREM', limit.places, each)
  end
end

local answer = {text(now), ''}
for number = 0, wanted - 1 do
  local at = -math.huge
  for _, limit in ipairs(limits) do
    local before = from_last(limit, limit.count)
    local own = before and math.max(before + limit.held, now + after) or now + after
    limit.own = math.max(own, limit.pace, limit.last + limit.least_gap)
    at = math.max(at, limit.own)
  end
  if at > now + within then
    answer[2] = text(at)
    break
  end
  for _, limit in ipairs(limits) do
    redis.call('ZADD', limit.places, text(at), name .. ':' .. number)
    limit.pace = math.max(limit.pace, limit.own - limit.slack) + limit.gap
    limit.last = limit.own
  end
  answer[number + 3] = text(at)
end

for _, limit in ipairs(limits) do
  local kept = math.ceil((limit.held + within + jump) * 1000)
  if limit.last > -math.huge then
    redis.call('HSET', limit.pace_key, 'pace', text(limit.pace), 'last', text(limit.last))
    redis.call('PEXPIRE', limit.pace_key, kept)
  end
  redis.call('PEXPIRE', limit.places, kept)
end
return answer
"""
"""
Gives out slots. Keys: two for each limit, its places and its pace. Returns the time, the next slot that it did not give
out or nothing, and the slots.
"""
