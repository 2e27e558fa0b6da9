import { defineScript, type Script } from './script.ts'

/**
 * CLEAR: a new epoch, which makes a miss of every record at once. `KEYS[1]` meta; `ARGV[1]` the epoch.
 * Reply: 1, or 0 when meta is not ready; INIT, which starts a new epoch too, is what helps then.
 *
 * Base, watermark and fences stay, and that is what keeps the door shut: a change or fill that was sent before carries
 * the old epoch and is not installed, and one sent later meets the same fences that it would have met without the
 * flush. What a late change still does, remove and raise, is never wrong.
 */
export const CLEAR: Script = defineScript(`
#!lua flags=allow-oom
local m = redis.call('HMGET', KEYS[1], 'e', 'w')
if not (m[1] and m[2]) then return 0 end
redis.call('HSET', KEYS[1], 'e', ARGV[1])
return 1
`)
