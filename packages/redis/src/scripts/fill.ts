import { defineScript, type Script } from './script.ts'

/**
 * FILL: a batch of what readers fetched from below.
 *
 * - `KEYS[1]` meta, `KEYS[2..n+1]` the record of each fill.
 * - `ARGV[1]` the epoch of the records; `ARGV[2]` n times `>HdddI4`: index of the stripe in the list at the end, version,
 *   the seq up to which the answer is known to be complete, lifetime in ms, length of the record; `ARGV[3]` the records,
 *   one after the other; `ARGV[4..]` the stripes, each once.
 * - Reply: as for APPLY, with `F` for fenced.
 *
 * Rules, and what happens without them (rows of docs/races.md):
 * - An answer that may miss something executed here is refused (rows 2, 4): `asOf < hi`. That holds for the knowledge
 *   that a key is missing too, whose version is the head of the snapshot that missed it (row 8).
 * - A record of this version or a newer one stays.
 * - Without epoch or watermark, or with a record of another epoch, everything is refused.
 * - No `allow-oom`: a full server refuses the batch, which loses nothing.
 */
export const FILL: Script = defineScript(`
#!lua
local meta, packed, all = KEYS[1], ARGV[2], ARGV[3]
local call, try, sub, format, unpackBytes = redis.call, redis.pcall, string.sub, string.format, struct.unpack

local m = call('HMGET', meta, 'e', 'w', 'b', unpack(ARGV, 4))
local epoch = m[1]
local ready = epoch and m[2]
if not ready or ARGV[1] ~= epoch then
  return (ready and epoch or '--------') .. string.rep('F', #KEYS - 1)
end
local base = tonumber(m[3] or '0')

local outcomes = {}
local position, last = 1, 0
for i = 1, #KEYS - 1 do
  local key, stripe, version, asOf, px, length = KEYS[i + 1]
  stripe, version, asOf, px, length, position = unpackBytes('>HdddI4', packed, position)
  local first = last + 1
  last = last + length
  if asOf < base or asOf < tonumber(m[stripe + 3] or '0') then
    outcomes[i] = 'F'
  else
    local header = try('GETRANGE', key, 0, 25)
    if #header == 26 and sub(header, 3, 10) == epoch and (tonumber(sub(header, 11, 26)) or -1) >= version then
      outcomes[i] = 'N'
    else
      call('SET', key, sub(all, first, last), 'PX', format('%d', px))
      outcomes[i] = 'I'
    end
  end
end
return epoch .. table.concat(outcomes)
`)
