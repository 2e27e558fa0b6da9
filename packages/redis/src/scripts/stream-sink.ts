import { defineScript, type Script } from './script.ts'

/**
 * SINK: adds changes to a stream, those that it has not added before.
 *
 * - `KEYS[1]` the stream; the other keys are bitmaps of the changes that were added, of a stretch of seqs each.
 * - `ARGV[1]` how many entries the stream keeps, about (0: all); `ARGV[2]` for how many milliseconds a bitmap stays that
 *   nobody touches; then for each change five arguments: the number of its bitmap among the keys, its bit, its seq, its
 *   idempotency key, the change.
 * - Reply: how many were added.
 *
 * Rules:
 * - An entry has the id `<seq>-0` where that is higher than all before it, and otherwise the next one behind the last: what
 *   other lanes have added, what was parked and replayed, an entry of somebody else.
 * - Entry and bit come together. The bit is read first, so that a key of a foreign type is met before anything is added.
 */
export const STREAM_SINK: Script = defineScript(`
local stream, keep = KEYS[1], ARGV[1]
local top, last = '0', 0
if redis.call('EXISTS', stream) == 1 then
  local info = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then top = string.match(info[i + 1], '^%d+') end
  end
  last = tonumber(top)
end
local added = 0
for k = 3, #ARGV, 5 do
  local seen, bit, seq = KEYS[tonumber(ARGV[k])], ARGV[k + 1], ARGV[k + 2]
  if redis.call('GETBIT', seen, bit) == 0 then
    local id = top .. '-*'
    if tonumber(seq) > last then
      top, last, id = seq, tonumber(seq), seq .. '-0'
    end
    if keep == '0' then
      redis.call('XADD', stream, id, 'id', ARGV[k + 3], 'change', ARGV[k + 4])
    else
      redis.call('XADD', stream, 'MAXLEN', '~', keep, id, 'id', ARGV[k + 3], 'change', ARGV[k + 4])
    end
    redis.call('SETBIT', seen, bit, 1)
    added = added + 1
  end
end
for k = 2, #KEYS do redis.call('PEXPIRE', KEYS[k], ARGV[2]) end
return added
`)
