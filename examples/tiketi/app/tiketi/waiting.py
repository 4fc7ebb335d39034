"""The waiting room in Redis: a line in order of arrival, admitted at a rate.

One script does each step, so that two pods never admit the same place twice.
Admission is by rate and not by who is inside: a rate is what the database
behind it can bear. Nobody has to run: whoever asks moves the line on.
"""

from __future__ import annotations

from dataclasses import dataclass

import redis.asyncio

ADMITTED_SECONDS = 600
LINE_SECONDS = 86_400

# KEYS: line, arrivals, admitted, clock. ARGV: user, rate, burst, seconds a pass lives, join (1) or ask (0), seconds the keys live.
# Returns {state, position, waiting, pass until, arrival number}.
STEP = """
local line, arrivals, admitted, clock = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local user, rate, burst, pass_seconds = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = redis.call('TIME')
now = tonumber(now[1]) + tonumber(now[2]) / 1000000

redis.call('ZREMRANGEBYSCORE', admitted, '-inf', now)
if ARGV[5] == '1' and not redis.call('ZSCORE', line, user) and not redis.call('ZSCORE', admitted, user) then
  redis.call('ZADD', line, redis.call('INCR', arrivals), user)
end

local last = redis.call('HMGET', clock, 'at', 'tokens')
local tokens = burst
if last[1] then
  tokens = math.min(burst, tonumber(last[2]) + math.max(0, now - tonumber(last[1])) * rate)
end
local open = math.floor(tokens)
if open > 0 then
  local first = redis.call('ZPOPMIN', line, open)
  for i = 1, #first, 2 do
    redis.call('ZADD', admitted, now + pass_seconds, first[i])
    redis.call('HSET', clock, 'n:' .. first[i], first[i + 1])
    tokens = tokens - 1
  end
end
redis.call('HSET', clock, 'at', string.format('%.6f', now), 'tokens', string.format('%.6f', tokens))
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[6]) end

local waiting = redis.call('ZCARD', line)
local till = redis.call('ZSCORE', admitted, user)
if till then
  return {'admitted', 0, waiting, string.format('%.0f', tonumber(till)), redis.call('HGET', clock, 'n:' .. user)}
end
local rank = redis.call('ZRANK', line, user)
if not rank then return {'absent', 0, waiting, '0', '0'} end
return {'waiting', rank + 1, waiting, '0', tostring(redis.call('ZSCORE', line, user))}
"""


@dataclass(frozen=True)
class Place:
    state: str
    position: int
    waiting: int
    admitted_until: int
    arrival: int


class Line:
    def __init__(self, client: redis.asyncio.Redis, rate: float, burst: int) -> None:
        self.client, self.rate, self.burst = client, rate, burst
        self.script = client.register_script(STEP)

    @staticmethod
    def keys(event_id: int) -> list[str]:
        # The braces keep one event's keys on one shard of a cluster.
        return [f"queue:{{{event_id}}}:{part}" for part in ("line", "arrivals", "admitted", "clock")]

    async def step(self, event_id: int, user_id: int, *, join: bool) -> Place:
        arguments = [user_id, self.rate, self.burst, ADMITTED_SECONDS, int(join), LINE_SECONDS]
        state, position, waiting, until, arrival = await self.script(keys=self.keys(event_id), args=arguments)
        return Place(state, int(position), int(waiting), int(until), int(float(arrival or 0)))

    async def lengths(self, event_ids: list[int]) -> dict[int, tuple[int, int]]:
        """Waiting and admitted of each event, in one round trip."""
        async with self.client.pipeline(transaction=False) as pipe:
            for event_id in event_ids:
                line, _, admitted, _ = self.keys(event_id)
                pipe.zcard(line)
                pipe.zcard(admitted)
            counts = await pipe.execute()
        return {event: (counts[2 * i], counts[2 * i + 1]) for i, event in enumerate(event_ids)}
