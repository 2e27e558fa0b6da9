import { defineScript, type Script } from './script.ts'

const BODY = `
local meta, packed, all, stripes = KEYS[1], ARGV[2], ARGV[3], #ARGV - 4
local call, try, sub, format, unpackBytes = redis.call, redis.pcall, string.sub, string.format, struct.unpack

local m = call('HMGET', meta, 'e', 'w', 'b', 'h', unpack(ARGV, 5))
local epoch = m[1]
local ready = epoch and m[2]
local current = ready and ARGV[1] == epoch
local base = tonumber(m[3] or '0')
local highest, top = tonumber(m[4]) or 0, 0
local hi, raised = {}, {}
for k = 1, stripes do
  local h = tonumber(m[k + 4] or '0')
  hi[k] = h > base and h or base
end

local outcomes, versions, install, lifetimes, starts, ends = {}, {}, {}, {}, {}, {}
local position, last = 1, 0
for i = 1, #KEYS - 1 do
  local key, stripe, s, px, length = KEYS[i + 1]
  stripe, s, px, length, position = unpackBytes('>HddI4', packed, position)
  local first = last + 1
  last = last + length

  local version = versions[key]
  if version == nil then
    local header = try('GETRANGE', key, 0, 25)
    version = epoch and #header == 26 and sub(header, 3, 10) == epoch and tonumber(sub(header, 11, 26)) or false
  end
  if version and version >= s then
    outcomes[i] = 'N'
    versions[key] = version
  elseif length > 0 and current and (version or s >= hi[stripe]) then
    outcomes[i] = 'I'
    versions[key] = s
    install[key], starts[i], ends[i], lifetimes[i] = i, first, last, px
  else
    outcomes[i] = 'R'
    versions[key] = false
    install[key] = nil
    call('DEL', key)
  end
  if s > hi[stripe] then hi[stripe] = s; raised[stripe] = true end
  if s > top then top = s end
end

local fields, n = {}, 0
for stripe in pairs(raised) do
  fields[n + 1], fields[n + 2] = ARGV[4 + stripe], format('%.0f', hi[stripe])
  n = n + 2
end
if top > highest then
  fields[n + 1], fields[n + 2] = 'h', format('%.0f', top)
  fields[n + 3], fields[n + 4] = 'm', ARGV[4]
  n = n + 4
end
if n > 0 then call('HSET', meta, unpack(fields)) end

for i = 1, #KEYS - 1 do
  local key = KEYS[i + 1]
  if starts[i] and install[key] == i then call('SET', key, sub(all, starts[i], ends[i]), 'PX', format('%d', lifetimes[i])) end
end
return (ready and epoch or '--------') .. table.concat(outcomes)
`

/**
 * APPLY: a batch of committed changes, in log order.
 *
 * - `KEYS[1]` meta, `KEYS[2..n+1]` the record of each change.
 * - `ARGV[1]` the epoch of the batch's records; `ARGV[2]` n times `>HddI4`: index of the stripe in the list at the end,
 *   seq, lifetime in ms, length of the record (0: there is nothing to install); `ARGV[3]` the records, one after the
 *   other; `ARGV[4]` the mark of the change with the highest seq; `ARGV[5..]` the stripes, each once.
 * - Reply: the epoch (`--------` when meta is not ready), then one letter per change: `I` installed, `R` removed, `N` newer.
 *
 * Rules, and what happens without them (rows of docs/races.md):
 * - A record of this seq or a newer one stays, but the fence rises all the same (row 6).
 * - Installing where there is no record needs a seq that no executed one exceeds (rows 1, 3, 5): `s >= hi`.
 * - Records go before fences rise, fences rise before records come, and memory pressure does not stop the script
 *   (row 13): wherever it ends, nothing is served that a raised fence has condemned, and no record stands unguarded.
 * - The highest seq of all keeps its mark (row 15): what was executed here past the watermark can be told from what the log
 *   says, after a restore, there. Of two changes with one seq the first one stays: the other one is a repetition, or its
 *   history is not that of the records that are here.
 * - Versions are compared as numbers (row 20). Numbers go to commands as text: what Redis makes of a Lua number is slower.
 * - Without epoch or watermark nothing is installed; it still removes and raises. A key of a foreign type counts as no
 *   record, so that one stray key cannot stop a batch.
 */
export const APPLY: Script = defineScript(`#!lua flags=allow-oom${BODY}`)

/**
 * APPLY for what is to be installed. A full server refuses it before it has done anything, and then APPLY follows, with
 * nothing to install: under `noeviction` nothing else would keep installing from taking memory without end.
 */
export const APPLY_WITH_ROOM: Script = defineScript(`#!lua${BODY}`)
