import { defineScript, type Script } from './script.ts'

/**
 * FILL: a batch of what readers fetched from below.
 *
 * - `KEYS[1]` meta, `KEYS[2..n+1]` the record of each fill.
 * - `ARGV[1]` the epoch of the records; `ARGV[2]` n times `>Hddd`: index of the stripe in the list that follows, version,
 *   the seq up to which the answer is known to be complete, lifetime in ms; `ARGV[3]` the length u of that list;
 *   `ARGV[4..u+3]` the stripes, each once; then n records.
 * - Reply: as for APPLY, with `F` for fenced.
 *
 * Rules, and what happens without them (rows of the race table):
 * - An answer that may miss something executed here is refused (rows 2, 4): `asOf < hi`. That holds for the knowledge
 *   that a key is missing too, whose version is the head of the snapshot that missed it (row 8).
 * - A record of this version or a newer one stays.
 * - Without epoch or watermark, or with a record of another epoch, everything is refused.
 * - No `allow-oom`: a full server refuses the batch, which loses nothing.
 */
export const FILL: Script = defineScript(`
#!lua
local meta, packed, stripes = KEYS[1], ARGV[2], tonumber(ARGV[3])
local call, try, sub, unpackBytes = redis.call, redis.pcall, string.sub, struct.unpack

local m = call('HMGET', meta, 'e', 'w', 'b', unpack(ARGV, 4, 3 + stripes))
local epoch = m[1]
local ready = epoch and m[2]
if not ready or ARGV[1] ~= epoch then
  return (ready and epoch or '--------') .. string.rep('F', #KEYS - 1)
end
local base = tonumber(m[3] or '0')

local outcomes = {}
local position = 1
for i = 1, #KEYS - 1 do
  local key, stripe, version, asOf, px = KEYS[i + 1]
  stripe, version, asOf, px, position = unpackBytes('>Hddd', packed, position)
  if asOf < base or asOf < tonumber(m[stripe + 3] or '0') then
    outcomes[i] = 'F'
  else
    local header = try('GETRANGE', key, 0, 25)
    if #header == 26 and sub(header, 3, 10) == epoch and (tonumber(sub(header, 11, 26)) or -1) >= version then
      outcomes[i] = 'N'
    else
      call('SET', key, ARGV[3 + stripes + i], 'PX', px)
      outcomes[i] = 'I'
    end
  end
end
return epoch .. table.concat(outcomes)
`)
