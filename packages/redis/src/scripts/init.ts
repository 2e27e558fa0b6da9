import { defineScript, type Script } from './script.ts'

/**
 * INIT, first step: announces a start from nothing. `KEYS[1]` meta; `ARGV[1]` a nonce.
 * Reply: 1, or 0 when meta is ready and there is nothing to do.
 *
 * The announcement comes before the back's head is read. So whatever was executed here without a trace was committed
 * before that head, and whatever is executed later leaves its trace in the stripes, unless meta is lost again, and the
 * nonce with it.
 */
export const ANNOUNCE_INIT: Script = defineScript(`
#!lua flags=allow-oom
local m = redis.call('HMGET', KEYS[1], 'e', 'w')
if m[1] and m[2] then return 0 end
redis.call('HSET', KEYS[1], 'n', ARGV[1])
return 1
`)

/**
 * INIT, last step: a new epoch, which starts at the head that was read in between. `KEYS[1]` meta; `ARGV[1]` the nonce,
 * `ARGV[2]` the epoch, `ARGV[3]` the head. Reply: 1, or 0 when meta was lost, or taken over, since the first step.
 */
export const COMPLETE_INIT: Script = defineScript(`
#!lua flags=allow-oom
if redis.call('HGET', KEYS[1], 'n') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'e', ARGV[2], 'b', ARGV[3], 'w', ARGV[3])
redis.call('HDEL', KEYS[1], 'n')
return 1
`)
