import { defineScript, type Script } from './script.ts'

/**
 * APPLY: a batch of committed changes, in log order.
 *
 * - `KEYS[1]` meta, `KEYS[2..n+1]` the record of each change.
 * - `ARGV[1]` the epoch of the batch's records; `ARGV[2]` n times `>Hdd`: index of the stripe in the list that follows,
 *   seq, lifetime in ms (0: there is nothing to install); `ARGV[3]` the length u of that list; `ARGV[4..u+3]` the
 *   stripes, each once; `ARGV[u+4..]` a record for each change that has one, in order.
 * - Reply: the epoch (`--------` when meta is not ready), then one letter per change: `I` installed, `R` removed, `N` newer.
 *
 * Rules, and what happens without them (rows of the race table):
 * - A record of this seq or a newer one stays, but the fence rises all the same (row 6).
 * - Installing where there is no record needs a seq that no executed one exceeds (rows 1, 3, 5): `s >= hi`.
 * - Records go before fences rise, fences rise before records come, and memory pressure does not stop the script
 *   (row 13): wherever it ends, nothing is served that a raised fence has condemned, and no record stands unguarded.
 * - Versions are compared as numbers (row 20).
 * - Without epoch or watermark nothing is installed; it still removes and raises. A key of a foreign type counts as no
 *   record, so that one stray key cannot stop a batch.
 */
export const APPLY: Script = defineScript(`
#!lua flags=allow-oom
local meta, packed, stripes = KEYS[1], ARGV[2], tonumber(ARGV[3])
local call, try, sub, unpackBytes = redis.call, redis.pcall, string.sub, struct.unpack

local m = call('HMGET', meta, 'e', 'w', 'b', unpack(ARGV, 4, 3 + stripes))
local epoch = m[1]
local ready = epoch and m[2]
local current = ready and ARGV[1] == epoch
local base = tonumber(m[3] or '0')
local hi, raised = {}, {}
for k = 1, stripes do
  local h = tonumber(m[k + 3] or '0')
  hi[k] = h > base and h or base
end

local outcomes, versions, install, lifetimes, records = {}, {}, {}, {}, {}
local position, nextRecord = 1, 4 + stripes
for i = 1, #KEYS - 1 do
  local key, stripe, s, px = KEYS[i + 1]
  stripe, s, px, position = unpackBytes('>Hdd', packed, position)
  local record = nil
  if px > 0 then record = nextRecord; nextRecord = nextRecord + 1 end

  local version = versions[key]
  if version == nil then
    local header = try('GETRANGE', key, 0, 25)
    version = epoch and #header == 26 and sub(header, 3, 10) == epoch and tonumber(sub(header, 11, 26)) or false
  end
  if version and version >= s then
    outcomes[i] = 'N'
    versions[key] = version
  elseif record and current and (version or s >= hi[stripe]) then
    outcomes[i] = 'I'
    versions[key] = s
    install[key], records[i], lifetimes[i] = i, record, px
  else
    outcomes[i] = 'R'
    versions[key] = false
    install[key] = nil
    call('DEL', key)
  end
  if s > hi[stripe] then hi[stripe] = s; raised[stripe] = true end
end

local fences, n = {}, 0
for stripe in pairs(raised) do
  fences[n + 1], fences[n + 2] = ARGV[3 + stripe], string.format('%.0f', hi[stripe])
  n = n + 2
end
if n > 0 then call('HSET', meta, unpack(fences)) end

for i = 1, #KEYS - 1 do
  local key = KEYS[i + 1]
  if records[i] and install[key] == i then call('SET', key, ARGV[records[i]], 'PX', lifetimes[i]) end
end
return (ready and epoch or '--------') .. table.concat(outcomes)
`)
