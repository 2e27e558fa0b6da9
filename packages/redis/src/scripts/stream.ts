import { defineScript, type Script } from './script.ts'

/**
 * What the scripts of the stream know it by, in the hash `KEYS[2]`:
 *
 * | field | what |
 * |---|---|
 * | `i` | id of the log |
 * | `e` | epoch of the log |
 * | `g` | generation: which start of the stream this is |
 * | `b` | base: the seq before the first change that was ever appended in this generation |
 * | `l` | the seq of the last change |
 * | `c` | the seq of the last change whose commit is all there |
 * | `t` | when a relay has last seen that everything in the log is there, in milliseconds of the server's clock |
 * | `s`, `z` | where the last commit that is longer than what is kept begins (the seq before it), and ends; only APPEND asks |
 *
 * The stream `KEYS[1]` holds runs of changes under `<last seq>-0`: `f` seq of the first one, `b` the lowest seq behind
 * which a reader may begin, `d` the changes.
 */
export const STREAM_FIELDS = ['i', 'e', 'g', 'b', 'l', 'c', 't'] as const

/**
 * The hash `KEYS[3]` holds the seq of the last invalidation of each tag, by the id of its key, and what is known at all:
 * every invalidation behind `since`, up to `upTo`. It outlives the entries of the stream.
 */
export const TAG_FIELDS = ['since', 'upTo'] as const

/** The server's clock, in milliseconds. */
const NOW = `local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))`

/**
 * The keys go when nobody has seen to them for `ttl` milliseconds (0: they stay). Set anew once a quarter of it has passed, and
 * not each time, as every time is a command more for replicas and the append-only file. After the other writes: what a
 * script has written once may go on in a server that is full.
 */
const stay = (ttl: string): string => `for _, key in ipairs(KEYS) do
  local left = redis.call('PTTL', key)
  if ${ttl} == '0' then
    if left >= 0 then redis.call('PERSIST', key) end
  elseif left ~= -2 and left < tonumber(${ttl}) * 0.75 then
    redis.call('PEXPIRE', key, ${ttl})
  end
end`

/** How many tags are remembered: beyond, it begins anew, as knowing nothing of what was before. */
const MOST_TAGS = 100_000

/** What stands for a generation where there is no stream. */
export const NO_GENERATION = '-'

/**
 * START: an empty stream, of another generation.
 *
 * - `ARGV[1]` the generation that is replaced; `ARGV[2]` the new one; `ARGV[3]` id of the log; `ARGV[4]` its epoch;
 *   `ARGV[5]` the base; `ARGV[6]` up to where the log goes; `ARGV[7]` for how many milliseconds the keys stay, without a
 *   relay (0: for ever).
 * - Reply: the generation afterwards. Another one than `ARGV[2]`: somebody else was first.
 *
 * Never from an older epoch: a relay that has not heard of a restore would bring the lost history back.
 */
export const STREAM_START: Script = defineScript(`
local stream, meta, tags = KEYS[1], KEYS[2], KEYS[3]
local m = redis.call('HMGET', meta, 'g', 'i', 'e')
local generation = m[1] or '${NO_GENERATION}'
if generation ~= ARGV[1] then return generation end
if m[2] == ARGV[3] and (tonumber(m[3] or '0') or 0) > tonumber(ARGV[4]) then return generation end
${NOW}
if tonumber(ARGV[5]) < tonumber(ARGV[6]) then now = '0' end
redis.call('DEL', stream, meta, tags)
redis.call('HSET', tags, 'since', ARGV[5], 'upTo', ARGV[5])
redis.call('HSET', meta, 'g', ARGV[2], 'i', ARGV[3], 'e', ARGV[4], 'b', ARGV[5], 'l', ARGV[5], 'c', ARGV[5], 't', now)
${stay('ARGV[7]')}
return ARGV[2]
`)

/**
 * APPEND: runs of changes, each only if it continues where the stream ends.
 *
 * - `ARGV[1]` the generation; `ARGV[2]` how many changes are kept; `ARGV[3]` up to where the log goes; `ARGV[4]` as
 *   `ARGV[7]` of START; then for each run six arguments: seq of its first and of its last change, boundary, seq of the last
 *   change in it that ends a commit (0: none does), the tags that it invalidates (JSON: ids and seqs in turn; empty: none),
 *   changes.
 * - Without runs it only looks.
 * - Reply: the last seq afterwards (-1: the stream is of another generation, or has lost something), and how many changes
 *   were added.
 *
 * Rules:
 * - What is there already is passed over: any number of relays append the same changes, once.
 * - A run that does not follow is not appended, and the ones behind it neither: the reply says where to go on. So the
 *   stream never has a gap, whatever a failover has taken from its end.
 * - The hash and the stream have to agree. A stream that was evicted, deleted or trimmed to nothing by somebody else is
 *   started anew; nothing else can tell it from one that nothing was ever appended to. So is one with foreign entries.
 * - A commit of several runs that is longer than what is kept is cut as a whole, once as many changes as are kept have
 *   followed it: who stood at its beginning can read it. There is one such commit at most: behind the next one, which is as
 *   long, the earlier is cut. Others are cut wherever, as who stands before them is further behind than what is kept.
 */
export const STREAM_APPEND: Script = defineScript(`
local stream, meta, tags = KEYS[1], KEYS[2], KEYS[3]
local m = redis.call('HMGET', meta, 'g', 'b', 'l', 'c', 's', 'z')
if m[1] ~= ARGV[1] then return {-1, 0} end
${NOW}
local base, last, whole = tonumber(m[2]), tonumber(m[3]), tonumber(m[4])
local from, till, keep = tonumber(m[5] or '0'), tonumber(m[6] or '0'), tonumber(ARGV[2])
if not (base and last and whole) then return {-1, 0} end
local newest = redis.pcall('XREVRANGE', stream, '+', '-', 'COUNT', 1)
if newest.err then return {-1, 0} end
local id = newest[1] and newest[1][1]
if id ~= (last > base and string.format('%.0f-0', last) or nil) then return {-1, 0} end
local before = last
for k = 5, #ARGV, 6 do
  local first, to = tonumber(ARGV[k]), tonumber(ARGV[k + 1])
  if to > last then
    if first ~= last + 1 then break end
    local added = redis.pcall('XADD', stream, ARGV[k + 1] .. '-0', 'f', ARGV[k], 'b', ARGV[k + 2], 'd', ARGV[k + 5])
    if type(added) == 'table' and added.err then
      if last == before then return redis.error_reply(added.err) end
      break
    end
    last = to
    local ends = tonumber(ARGV[k + 2])
    if ends >= first and ends - whole > keep then from, till = whole, ends end
    whole = math.max(whole, tonumber(ARGV[k + 3]))
    if ARGV[k + 4] ~= '' then
      local found = cjson.decode(ARGV[k + 4])
      for t = 1, #found, 2 do redis.call('HSET', tags, found[t], string.format('%.0f', found[t + 1])) end
    end
  end
end
if last > before then
  redis.call('HSET', meta, 'l', string.format('%.0f', last), 'c', string.format('%.0f', whole))
  if till > 0 then redis.call('HSET', meta, 's', string.format('%.0f', from), 'z', string.format('%.0f', till)) end
  if redis.call('HLEN', tags) > ${MOST_TAGS} then redis.call('DEL', tags) end
  redis.call('HSETNX', tags, 'since', string.format('%.0f', last))
  redis.call('HSET', tags, 'upTo', string.format('%.0f', whole))
  local cut = math.min(last - keep, whole)
  if cut > from and cut < till then cut = from end
  if cut > base then redis.call('XTRIM', stream, 'MINID', string.format('%.0f-0', cut + 1)) end
end
if last >= tonumber(ARGV[3]) then redis.call('HSET', meta, 't', now) end
${stay('ARGV[4]')}
return {last, last - before}
`)

/**
 * READ: where the stream stands, and what follows a seq, in one snapshot.
 *
 * - `ARGV[1]` the seq; `ARGV[2]` how many runs at most.
 * - Reply: the fields of the hash, the boundary of the oldest run (nil: there is none), the runs, the id of the newest one,
 *   the time.
 */
export const STREAM_READ: Script = defineScript(`#!lua flags=no-writes
local stream, meta = KEYS[1], KEYS[2]
local reply = redis.call('HMGET', meta, ${STREAM_FIELDS.map((field) => `'${field}'`).join(', ')})
local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
${NOW}
reply[8] = oldest and oldest[2][4] or false
reply[9] = redis.call('XRANGE', stream, '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])
local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
reply[10] = newest and newest[1] or false
reply[11] = now
return reply
`)
