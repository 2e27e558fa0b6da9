import { defineScript, type Script } from './script.ts'

/**
 * DISCARD: deletes a damaged record, unless somebody has replaced it in the meantime. `KEYS[1]` the record; `ARGV[1]` its
 * length, `ARGV[2]` its first bytes. Reply: how many records it deleted.
 */
export const DISCARD: Script = defineScript(`
#!lua flags=allow-oom
if redis.call('STRLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[2] - 1) ~= ARGV[2] then return 0 end
return redis.call('DEL', KEYS[1])
`)
