import { type RedisServer, startRedis } from '@tidemark/testkit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { APPLY } from '../src/scripts/apply.ts'
import { FILL } from '../src/scripts/fill.ts'
import { ANNOUNCE, COMPLETE } from '../src/scripts/init.ts'
import { defineScript, type Script } from '../src/scripts/script.ts'
import { TAIL } from '../src/scripts/tail.ts'
import { actions } from './support/actions.ts'
import { firstDifference } from './support/differential.ts'
import { rawClient } from './support/fronts.ts'
import { ScriptBench, type Scripts } from './support/script-bench.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

test('10,000 random sequences have the same answers and leave the same state as the reference', async () => {
  const bench = new ScriptBench(rawClient(server))
  await bench.load()
  await fc.assert(
    fc.asyncProperty(actions, async (sequence) => {
      expect(await firstDifference(bench, sequence)).toBeUndefined()
    }),
    { numRuns: 10_000 },
  )
}, 120_000)

const SCRIPTS = { apply: APPLY, fill: FILL, tail: TAIL, announce: ANNOUNCE, complete: COMPLETE }

interface Mutant extends Partial<Record<keyof typeof SCRIPTS, readonly [from: string, to: string]>> {
  readonly without: string
}

const MUTANTS: readonly Mutant[] = [
  { without: 'keeping what is newer', apply: ['version >= s', 'version > s'] },
  {
    without: 'raising the fence when losing',
    apply: ['    versions[key] = version\n', '    versions[key] = version; s = 0\n'],
  },
  { without: 'the fence where there is no record', apply: ['(version or s >= hi[stripe])', 'true'] },
  { without: 'the record as a licence', apply: ['(version or s >= hi[stripe])', 's >= hi[stripe]'] },
  { without: 'the base', apply: ['h > base and h or base', 'h'] },
  { without: 'the look at the epoch of the batch', apply: ['ready and ARGV[1] == epoch', 'ready'] },
  { without: 'the look at the watermark', apply: ['epoch and m[2]', 'epoch'] },
  { without: 'the look at the epoch of the record', apply: ['sub(header, 3, 10) == epoch and', ''] },
  { without: 'removing', apply: ["    call('DEL', key)\n", ''] },
  { without: 'raising', apply: ['if n > 0 then', 'if false then'] },
  { without: 'the order of duplicates: an install stays', apply: ['    install[key] = nil\n', ''] },
  { without: 'the order of duplicates: what came before is not seen', apply: ['    versions[key] = s\n', ''] },
  { without: 'the order of duplicates: what went before is not seen', apply: ['    versions[key] = false\n', ''] },
  {
    without: 'comparing numbers',
    apply: ['tonumber(sub(header, 11, 26)) or false', 'tonumber(string.reverse(sub(header, 11, 26))) or false'],
  },
  { without: 'raising the highest seq', apply: ['if top > highest', 'if false'] },
  { without: 'keeping the highest seq', apply: ['if top > highest', 'if true'] },
  { without: 'keeping what came first at the highest seq', apply: ['if top > highest', 'if top >= highest'] },
  { without: 'the highest seq of a batch', apply: ['if s > top then top = s end', 'top = s'] },
  { without: 'the mark of the highest seq', apply: ["'m', ARGV[4]", "'m', ''"] },
  { without: 'the stripe in a fill', fill: ["asOf < base or asOf < tonumber(m[stripe + 3] or '0')", 'asOf < base'] },
  { without: 'the base in a fill', fill: ['asOf < base or ', ''] },
  {
    without: 'the bound of a fill',
    fill: ["asOf < tonumber(m[stripe + 3] or '0')", "asOf <= tonumber(m[stripe + 3] or '0')"],
  },
  { without: 'the epoch in a fill', fill: ['not ready or ARGV[1] ~= epoch', 'not ready'] },
  { without: 'the watermark in a fill', fill: ['epoch and m[2]', 'epoch'] },
  { without: 'the version in a fill', fill: ["  outcomes[i] = 'N'", "  outcomes[i] = 'I'"] },
  { without: 'the epoch of the record in a fill', fill: ['sub(header, 3, 10) == epoch and ', ''] },
  { without: 'the length of a header', apply: ['#header == 26 and ', ''] },
  { without: 'the length of a header in a fill', fill: ['#header == 26 and ', ''] },

  { without: 'the epoch in a step', tail: ['ARGV[1] ~= epoch or ', ''] },
  { without: 'the watermark in a step', tail: [' or tonumber(watermark) ~= tonumber(ARGV[2])', ''] },
  {
    without: 'the order of watermarks in a step',
    tail: ['tonumber(watermark) ~= tonumber(ARGV[2])', 'watermark > ARGV[2]'],
  },
  {
    without: 'the look for a watermark in a step',
    tail: ['if not (epoch and watermark)', 'watermark = watermark or ARGV[2]\nif not epoch'],
  },
  {
    without: 'the look for an epoch in a step',
    tail: ['if not (epoch and watermark)', 'epoch = epoch or ARGV[1]\nif not watermark'],
  },
  { without: 'the answer where a step leads', tail: ['return epoch .. ARGV[3]', 'return epoch .. watermark'] },
  { without: 'removing in a step', tail: ["call('DEL', key)", ''] },
  { without: 'keeping what is as new as a step', tail: ['version >= s', 'version > s'] },
  { without: 'keeping what is newer than a step', tail: ['not (version and version >= s)', 'true'] },
  { without: 'removing what has no version', tail: ['not (version and version >= s)', 'version and version < s'] },
  { without: 'the epoch of the record in a step', tail: ['sub(header, 3, 10) == epoch and ', ''] },
  { without: 'the length of a header in a step', tail: ['#header == 26 and ', ''] },
  {
    without: 'comparing numbers in a step',
    tail: ['tonumber(sub(header, 11, 26))', 'tonumber(string.reverse(sub(header, 11, 26)))'],
  },
  { without: 'raising in a step', tail: ['if s > hi[stripe]', 'if false'] },
  { without: 'the fence that is there, in a step', tail: ["tonumber(m[k + 4] or '0')", '0'] },
  { without: 'the base in a step', tail: ['h > base and h or base', 'h'] },
  { without: 'moving the watermark', tail: ["'w', ARGV[3]", "'w', watermark"] },
  { without: 'keeping the mark', tail: ["'k', ARGV[4]", "'k', ''"] },
  { without: 'keeping the tailer', tail: ["'t', ARGV[5]", "'t', ''"] },

  { without: 'raising the highest seq in a step', tail: ['if tonumber(ARGV[3]) >', 'if false and 0 >'] },
  { without: 'keeping the highest seq in a step', tail: ['tonumber(m[4]) or 0', '0'] },
  { without: 'keeping what came first at the highest seq in a step', tail: ['(ARGV[3]) >', '(ARGV[3]) >='] },
  { without: 'the highest seq of a step', tail: ["'h', ARGV[3]", "'h', watermark"] },
  { without: 'the mark of the highest seq in a step', tail: ["'m', ARGV[4]", "'m', ''"] },

  { without: 'the look whether somebody has completed a start', announce: ['epoch and watermark and', 'false and'] },
  { without: 'the look whether meta is ready', announce: ['epoch and watermark and', 'epoch and'] },
  { without: 'the epoch that was seen', announce: ['epoch ~= ARGV[2]', 'true'] },
  { without: 'giving way to an announcement', announce: ['then return 0 end', 'then end'] },
  { without: 'taking over what is its own', announce: ['nonce ~= ARGV[3]', 'nonce'] },
  { without: 'taking over what is old', announce: [' and age < tonumber(ARGV[4])', ''] },
  { without: 'taking over what is from the future', announce: ['age >= 0 and ', ''] },
  { without: 'taking over what has no age', announce: ['(tonumber(at) or 0)', '(tonumber(at) or now)'] },
  { without: 'the milliseconds of an age', announce: ['* 1000 + ', '+ '] },
  { without: 'leaving an age', announce: [", 'a', string.format('%.0f', now)", ''] },
  { without: 'taking the watermark away', announce: ["'w', ", ''] },
  { without: 'taking the mark away', announce: ["'k', ", ''] },
  { without: 'taking the tailer away', announce: [", 't')", ')'] },
  { without: 'leaving a nonce', announce: ["'n', ARGV[1], ", ''] },
  {
    without: 'leaving the fences',
    announce: ["redis.call('HDEL', KEYS[1], 'w', 'k', 't')", "redis.call('DEL', KEYS[1])"],
  },
  { without: 'looking for the nonce', complete: ["redis.call('HGET', KEYS[1], 'n') ~= ARGV[1]", 'false'] },
  {
    without: 'telling nonces apart',
    complete: ["redis.call('HGET', KEYS[1], 'n') ~= ARGV[1]", "redis.call('HEXISTS', KEYS[1], 'n') == 0"],
  },
  { without: 'a new epoch', complete: ["'e', ARGV[2], ", ''] },
  { without: 'a base', complete: ["'b', ARGV[3], ", ''] },
  { without: 'a watermark', complete: ["'w', ARGV[3], ", ''] },
  { without: 'a mark', complete: [", 'k', ARGV[4]", ''] },
  { without: 'taking the highest seq back', complete: [", 'h', ARGV[3]", ''] },
  { without: 'the mark of the highest seq at a start', complete: [", 'm', ARGV[4]", ''] },
  { without: 'taking the nonce away', complete: ["'n', 'a')", "'a')"] },
  { without: 'taking the age away', complete: ["'n', 'a')", "'n')"] },
]

describe('a script is caught without', () => {
  test.each(MUTANTS)('$without', async (mutant) => {
    const scripts = Object.entries(SCRIPTS).map(([name, script]) => [
      name,
      mutate(script, mutant[name as keyof typeof SCRIPTS]),
    ])
    const bench = new ScriptBench(rawClient(server), Object.fromEntries(scripts) as Scripts)
    await bench.load()
    let difference: string | undefined
    await fc.check(
      fc.asyncProperty(actions, async (sequence) => {
        difference = await firstDifference(bench, sequence)
        return difference === undefined
      }),
      // The same sequences every time: whether a mutant is caught must not depend on luck.
      { numRuns: 4_000, endOnFailure: true, seed: 2 },
    )
    // A difference, and not a script that no longer runs.
    expect(difference).toContain('the reference')
  })
})

function mutate(script: Script, change: readonly [from: string, to: string] | undefined): Script {
  if (change === undefined) return script
  const [from, to] = change
  if (!script.source.includes(from)) throw new Error(`the script no longer says: ${from}`)
  return defineScript(script.source.replace(from, to))
}
