import { type RedisServer, startRedis } from '@tidemark/testkit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { APPLY } from '../src/scripts/apply.ts'
import { FILL } from '../src/scripts/fill.ts'
import { defineScript, type Script } from '../src/scripts/script.ts'
import { actions, firstDifference } from './support/differential.ts'
import { rawClient } from './support/fronts.ts'
import { ScriptBench } from './support/script-bench.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

test('random batches have the same answers and leave the same state as the reference', async () => {
  const bench = new ScriptBench(rawClient(server))
  await fc.assert(
    fc.asyncProperty(actions, async (sequence) => {
      expect(await firstDifference(bench, sequence)).toBeUndefined()
    }),
    { numRuns: 600 },
  )
})

interface Mutant {
  readonly without: string
  readonly apply?: readonly [from: string, to: string]
  readonly fill?: readonly [from: string, to: string]
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
]

describe('a script is caught without', () => {
  test.each(MUTANTS)('$without', async ({ apply, fill }) => {
    const bench = new ScriptBench(rawClient(server), { apply: mutate(APPLY, apply), fill: mutate(FILL, fill) })
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
