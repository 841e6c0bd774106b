"""
What the Redis store does on the server, as scripts: each is one change, by the server's clock.

The arithmetic of slots is that of :mod:`.slots`, and that of permits is that of :mod:`.permits`.
"""

from __future__ import annotations

from typing import Final

from resilience.core.admission.shared.permits import REVIEW
from resilience.state.store.permits import HEARD, POLL, TURN
from resilience.state.store.slots import JUMP

_BEGIN: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local function text(number)
  return string.format('%.6f', number)
end
local function exchange(key, version, value, lasts)
  local known = redis.call('HMGET', key, 'version', 'value')
  local before, there = known[1] or '', known[2] or ''
  if value == '' or version ~= before then
    return before, there, 0
  end
  local following = text(math.max(now, (tonumber(before) or 0) + 0.000001))
  redis.call('HSET', key, 'version', following, 'value', value)
  redis.call('PEXPIRE', key, lasts)
  return following, value, 1
end
"""

EXCHANGE: Final = (
    _BEGIN
    + """
return {text(now), exchange(KEYS[1], ARGV[1], ARGV[2], ARGV[3])}
"""
)
"""
Puts a value in the place of another. The key; the version, the new value, and how long it lasts in milliseconds.
Returns the time, the version, the value and whether it was changed.
"""

_CONSTANTS: Final = f"""
local REVIEW, TURN, POLL, HEARD, JUMP = {REVIEW}, {TURN}, {POLL}, {HEARD}, {JUMP}
"""

_PERMITS: Final = """
local function find_targets(holdings, names, count)
  local wanted, sizes, targets, order, waiting = {}, {}, {}, {}, {}
  for _, name in ipairs(names) do
    local each = holdings[name]
    wanted[name] = now < each[4] + HEARD and each[3] or each[1]
    table.insert(sizes, wanted[name])
  end
  table.sort(sizes)
  local left, sharing = count, #sizes
  for _, each in ipairs(sizes) do
    if each * sharing > left then
      break
    end
    left, sharing = left - each, sharing - 1
  end
  if sharing == 0 then
    return wanted, waiting
  end
  local level = math.floor(left / sharing)
  left = left - level * sharing
  local rank = {}
  for _, name in ipairs(names) do
    local each = holdings[name]
    if level > 0 then
      rank[name] = each[1] > level and 0 or 1
    elseif each[1] == 0 then
      rank[name] = 1
    else
      rank[name] = now < each[5] + TURN and 0 or 2
    end
    targets[name] = math.min(wanted[name], level)
    if wanted[name] > level then
      table.insert(order, name)
    end
  end
  table.sort(order, function(one, other)
    if rank[one] ~= rank[other] then
      return rank[one] < rank[other]
    end
    if holdings[one][5] ~= holdings[other][5] then
      return holdings[one][5] < holdings[other][5]
    end
    return one < other
  end)
  for number, name in ipairs(order) do
    if number <= left then
      targets[name] = targets[name] + 1
    elseif level == 0 and holdings[name][1] == 0 then
      table.insert(waiting, name)
    end
  end
  return targets, waiting
end

local function give_permits(key, name, count, held, wanted, lasts)
  local holdings = cjson.decode(redis.call('GET', key) or '{}')
  local ahead = 0
  for _, each in pairs(holdings) do
    ahead = math.max(ahead, each[4] - now)
  end
  if ahead > JUMP then
    for _, each in pairs(holdings) do
      each[2], each[4], each[5] = each[2] - ahead, each[4] - ahead, math.min(each[5], now)
    end
  end
  wanted = math.max(held, math.min(wanted, count))
  local others, names, until_last = 0, {}, now
  for other, each in pairs(holdings) do
    if each[2] <= now or (other == name and wanted == 0) then
      holdings[other] = nil
    else
      until_last = math.max(until_last, each[2])
      if other ~= name then
        others = others + each[1]
        table.insert(names, other)
      end
    end
  end
  local free = count - others
  local answer = {'0', '0', tostring(math.max(free, 0)), text(REVIEW), ''}
  if wanted > 0 then
    table.insert(names, name)
    local mine = holdings[name] or {0, now, 0, now, now}
    local before, since, held_until = mine[1], mine[5], mine[2]
    mine[3], mine[4] = wanted, now
    holdings[name] = mine
    local targets, waiting = find_targets(holdings, names, count)
    local target = targets[name]
    local granted = math.max(held, math.min(target, free))
    if (granted > 0) ~= (before > 0) then
      since = now
    end
    local last = now + (granted > 0 and lasts or HEARD)
    if held > 0 then
      last = math.max(last, held_until)
    end
    holdings[name] = {granted, last, wanted, now, since}
    until_last = math.max(until_last, last)
    local review = REVIEW
    if #waiting > 0 and granted > 0 then
      review = math.min(math.max(since + TURN - now, POLL), REVIEW)
    end
    local again = ''
    if granted > target or granted < math.min(target, wanted) then
      again = text(POLL)
    elseif granted < wanted then
      local after = REVIEW
      for number, other in ipairs(waiting) do
        if other == name then
          after = math.min(POLL * number, REVIEW)
        end
      end
      again = text(after)
    end
    answer = {tostring(granted), tostring(target), tostring(math.max(free - granted, 0)), text(review), again}
  end
  if next(holdings) == nil then
    redis.call('DEL', key)
  else
    redis.call('SET', key, cjson.encode(holdings), 'PX', math.ceil((until_last - now) * 1000))
  end
  return answer
end
"""

RESERVE: Final = (
    _BEGIN
    + _CONSTANTS
    + _PERMITS
    + """
local wanted, after, within, name = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local place, next_key = 4, 0
local function following()
  place = place + 1
  return ARGV[place]
end
local function following_key()
  next_key = next_key + 1
  return KEYS[next_key]
end
local function from_last(limit, count)
  local found = redis.call('ZRANGE', limit.places, -count, -count, 'WITHSCORES')
  return found[2] and tonumber(found[2])
end

local answer = {text(now), '', {}, {}, {}}
if following() == '1' then
  local version, value, lasts = following(), following(), following()
  local known, there, is_changed = exchange(following_key(), version, value, lasts)
  answer[3] = {known, there, is_changed}
  if is_changed == 0 and (value ~= '' or (version ~= '' and version ~= known)) then
    return answer
  end
end
if following() == '1' then
  local holder, count, held = following(), tonumber(following()), tonumber(following())
  answer[4] = give_permits(following_key(), holder, count, held, tonumber(following()), tonumber(following()))
  if answer[4][1] == '0' or answer[4][2] == '0' then
    wanted = 0
  end
end

local limits = {}
for number = 1, tonumber(following()) do
  local limit = {places = following_key(), pace_key = following_key()}
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
  if math.max(limit.pace, from_last(limit, 1) or now) > now + within + JUMP then
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
  answer[5][number + 1] = text(at)
end

for _, limit in ipairs(limits) do
  local kept = math.ceil((limit.held + within + JUMP) * 1000)
  if limit.last > -math.huge then
    redis.call('HSET', limit.pace_key, 'pace', text(limit.pace), 'last', text(limit.last))
    redis.call('PEXPIRE', limit.pace_key, kept)
  end
  redis.call('PEXPIRE', limit.places, kept)
end
return answer
"""
)
"""
Gives out slots, as the question says: a value to be changed, permits, and slots. Keys: of the value, of the permits,
and two for each limit, its places and its pace. Returns the time; the next slot that it did not give out, or nothing;
the version, the value and whether it was changed; the permits, their target, those that are spare, and after how many
seconds to ask again for both reasons; and the slots.
"""
