import { defineScript, type Script } from './script.ts'

/**
 * TAIL: a step along the log, from the watermark on.
 *
 * - `KEYS[1]` meta, `KEYS[2..n+1]` the records of the keys that the step changes.
 * - `ARGV[1]` the epoch of the session in which the step is taken; `ARGV[2]` where the watermark has to stand; `ARGV[3]`
 *   where it goes; `ARGV[4]` the mark of the change there; `ARGV[5]` who takes the step; `ARGV[6]` n times `>Hd`: index of
 *   the stripe in the list at the end, seq; `ARGV[7..]` the stripes, each once.
 * - Reply: the epoch (`--------` when meta is not ready), then the watermark afterwards; nothing where there is none.
 *
 * Rules, and what happens without them:
 * - Compare-and-set on the watermark: a step that does not start there would leave out what lies between, and a step of
 *   a tailer that was overtaken would take the watermark back. The server's own watermark decides, never a memory of it:
 *   one that has lost writes has lost the same of its watermark. Two tailers at once are harmless.
 * - Compare-and-set on the epoch: a step that was on its way while the front was started anew, perhaps because the log was
 *   restored, is about another history, in which the same seqs are other changes.
 * - Each change counts as executed: what it replaced goes, and the fence rises, whether there was a record or not (rows
 *   2, 3, 6). What is as new or newer stays. A record of another epoch is none, and goes for good.
 * - The highest seq never stands before the watermark, and keeps the mark of the change that raised it: see APPLY.
 * - The watermark rises last: wherever the script ends, it never covers what was not executed.
 * - Memory pressure does not stop it (row 13). Seqs are compared as numbers (row 20).
 */
export const TAIL: Script = defineScript(`
#!lua flags=allow-oom
local meta, packed = KEYS[1], ARGV[6]
local call, try, sub, format, unpackBytes = redis.call, redis.pcall, string.sub, string.format, struct.unpack

local m = call('HMGET', meta, 'e', 'w', 'b', 'h', unpack(ARGV, 7))
local epoch, watermark = m[1], m[2]
if not (epoch and watermark) then return '--------' end
if ARGV[1] ~= epoch or tonumber(watermark) ~= tonumber(ARGV[2]) then return epoch .. watermark end
local base = tonumber(m[3] or '0')

local hi, raised = {}, {}
for k = 1, #ARGV - 6 do
  local h = tonumber(m[k + 4] or '0')
  hi[k] = h > base and h or base
end
local position = 1
for i = 2, #KEYS do
  local key, stripe, s = KEYS[i]
  stripe, s, position = unpackBytes('>Hd', packed, position)
  local header = try('GETRANGE', key, 0, 25)
  if #header > 0 then
    local version = #header == 26 and sub(header, 3, 10) == epoch and tonumber(sub(header, 11, 26))
    if not (version and version >= s) then call('DEL', key) end
  end
  if s > hi[stripe] then hi[stripe] = s; raised[stripe] = true end
end

local fields, n = {}, 0
for stripe in pairs(raised) do
  fields[n + 1], fields[n + 2] = ARGV[6 + stripe], format('%.0f', hi[stripe])
  n = n + 2
end
fields[n + 1], fields[n + 2] = 'w', ARGV[3]
fields[n + 3], fields[n + 4] = 'k', ARGV[4]
fields[n + 5], fields[n + 6] = 't', ARGV[5]
if tonumber(ARGV[3]) > (tonumber(m[4]) or 0) then
  fields[n + 7], fields[n + 8] = 'h', ARGV[3]
  fields[n + 9], fields[n + 10] = 'm', ARGV[4]
end
call('HSET', meta, unpack(fields))
return epoch .. ARGV[3]
`)
