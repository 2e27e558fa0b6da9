import { defineScript, type Script } from './script.ts'

/**
 * INIT, first step: announces a start from nothing. `KEYS[1]` meta; `ARGV[1]` a nonce; `ARGV[2]` the epoch in which meta
 * was found to need it, empty: in none; `ARGV[3]` the nonce that the same front announced before, empty: none; `ARGV[4]`
 * how many milliseconds the announcement of somebody else holds. Reply: 1, or 0 when such a one holds, or the epoch in
 * which meta is ready by now; in both cases nothing has happened.
 *
 * Of several who find the front lost, one starts it. Without that, each announcement ends the start before it, or empties
 * a front that was ready already: for as long as they get in each other's way, readers all go to the back tier. This is
 * economy, and no protection: nothing becomes ready by a refusal, and what is said below holds without it. So it does not
 * matter that a clock is asked. An announcement from its future counts as old: the clock has stepped back, or is another
 * server's.
 *
 * It takes away the watermark, whatever the state before: from here on meta is not ready. FILL refuses, TAIL does not
 * move, APPLY only removes and raises, and readers who look find no epoch. The fences stay, and so does the old epoch:
 * what APPLY still compares with it, it may only remove.
 *
 * The announcement comes before the head of the log is read. So whatever was executed here before it was committed
 * before that head, which becomes the base, and whatever is executed after it leaves its trace in the stripes, unless
 * meta is lost again, and the nonce with it.
 */
export const ANNOUNCE: Script = defineScript(`
#!lua flags=allow-oom
local epoch, watermark, nonce, at = unpack(redis.call('HMGET', KEYS[1], 'e', 'w', 'n', 'a'))
if epoch and watermark and epoch ~= ARGV[2] then return epoch end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if nonce ~= ARGV[3] then
  local age = now - (tonumber(at) or 0)
  if age >= 0 and age < tonumber(ARGV[4]) then return 0 end
end
redis.call('HDEL', KEYS[1], 'w', 'k', 't')
redis.call('HSET', KEYS[1], 'n', ARGV[1], 'a', string.format('%.0f', now))
return 1
`)

/**
 * INIT, last step: a new epoch, which starts at the head that was read in between. `KEYS[1]` meta; `ARGV[1]` the nonce,
 * `ARGV[2]` the epoch, `ARGV[3]` the head, `ARGV[4]` the mark of the change there. Reply: 1, or 0 when the nonce is gone.
 *
 * What may come between the two steps, or around them:
 * - APPLY raises stripes, which stay: a fill of the new epoch that was read before that change is refused. A seq up to
 *   the head is covered by the base.
 * - Loss of meta, FLUSHALL: the nonce is gone, and with it stripes that may have been raised since the head was read.
 *   Completing would let in fills that those fenced: refused.
 * - Another announcement: it has replaced the nonce, so that of two starts at once only the one that announced last can
 *   complete, with the head that it read after its own announcement.
 * - APPLY, FILL or TAIL of the former epoch after this step: nothing of theirs is installed, and no step is taken. What
 *   APPLY removes or raises is never wrong.
 * - Records of any former epoch stay where they are, and are none: the epoch must never have been in use before.
 * - The head may be lower than what stripes hold, after a restore: they stay, and refuse until the log has passed them.
 *   The highest seq goes back to the head: what was executed past it has left no record in the new epoch. APPLY may raise it
 *   again with what was on its way from before the restore, which costs another start.
 */
export const COMPLETE: Script = defineScript(`
#!lua flags=allow-oom
if redis.call('HGET', KEYS[1], 'n') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'e', ARGV[2], 'b', ARGV[3], 'w', ARGV[3], 'k', ARGV[4], 'h', ARGV[3], 'm', ARGV[4])
redis.call('HDEL', KEYS[1], 'n', 'a')
return 1
`)
