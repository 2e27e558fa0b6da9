import { type Back, type CompactOptions, type LogChange, StoreKey, type Write } from '@tidemark/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting } from '../../writes.ts'
import type { BacksUnderTest, StartBacks } from './back-suite.ts'

const KEYS = ['a', 'b', 'c']

type Step =
  | { readonly do: 'commit'; readonly writes: readonly (readonly [key: string, what: 'set' | 'brief' | 'delete'])[] }
  | { readonly do: 'compact'; readonly back: number; readonly limit: number; readonly keepLatest: boolean }
  | { readonly do: 'pause'; readonly ms: number; readonly sweep: boolean }

const STEPS: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('commit' as const),
        writes: fc.array(
          fc.tuple(
            fc.constantFrom(...KEYS),
            fc.constantFrom('set' as const, 'set', 'brief' as const, 'delete' as const),
          ),
          { maxLength: 4 },
        ),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('compact' as const),
        back: fc.nat(6),
        limit: fc.integer({ min: 1, max: 6 }),
        keepLatest: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('pause' as const), ms: fc.constantFrom(500, 1_500), sweep: fc.boolean() }),
    },
  ),
  { minLength: 5, maxLength: 25 },
)

export function describeLogModel(start: StartBacks): void {
  describe('any history of commits and compaction', () => {
    it('leaves a log that is dense above the floor, and below it what was kept, as histories show', async () => {
      await fc.assert(
        fc.asyncProperty(STEPS, fc.boolean(), async (steps, alwaysKeeps) => {
          const tested = await start()
          const model = new Model(tested)
          for (const step of steps) await model.take(step, alwaysKeeps)
          await tested.back.close()
          await tested.other.close()
        }),
        { numRuns: 40 },
      )
    })
  })
}

/** Every change there ever was, in an array; and what must be left of it. */
class Model {
  readonly #tested: BacksUnderTest
  readonly #all: LogChange[] = []
  #floor = 0
  /** No change of an entry has been let go of that keepLatest would have kept. */
  #kept = true

  constructor(tested: BacksUnderTest) {
    this.#tested = tested
  }

  async take(step: Step, alwaysKeeps: boolean): Promise<void> {
    const { back, other, clock } = this.#tested
    if (step.do === 'commit') {
      this.#all.push(...(await commit(back, ...step.writes.map((write) => this.#write(write)))).changes)
    } else if (step.do === 'compact') {
      const options = { upTo: Math.max(0, this.#all.length - step.back), limit: step.limit }
      await this.#compact(other, { ...options, keepLatest: step.keepLatest || alwaysKeeps })
    } else {
      clock.step(step.ms)
      if (step.sweep) this.#all.push(...(await back.expire(100)).changes)
    }
    await this.#check(back)
    await this.#check(other)
  }

  #write([key, what]: readonly [string, 'set' | 'brief' | 'delete']): Write {
    if (what === 'delete') return deleting(key)
    const expiresAt = Math.ceil(this.#tested.clock.now()) + 1_000
    return setting(key, this.#all.length, what === 'brief' ? { expiresAt } : {})
  }

  async #compact(back: Back, options: CompactOptions): Promise<void> {
    const { floor, removed, done } = await back.compaction.compact(options)
    const last = this.#all[floor - 1]
    // Never back, never inside of a commit, never further than asked for.
    expect(floor).toBeGreaterThanOrEqual(this.#floor)
    expect(last?.last ?? 0).toBe(floor)
    if (floor > this.#floor) expect(floor).toBeLessThanOrEqual(options.upTo)
    const first = this.#all[this.#floor]
    const bound = Math.max(options.limit, first === undefined ? 0 : first.last - first.first + 1)
    // What was kept goes with what replaces it.
    expect(removed).toBeLessThanOrEqual(options.keepLatest === true ? 2 * bound : bound)
    if (done) expect((this.#all[floor]?.last ?? Infinity) > options.upTo).toBe(true)
    else expect(removed + floor - this.#floor).toBeGreaterThan(0)
    this.#floor = floor
    this.#kept &&= options.keepLatest === true
  }

  async #check(back: Back): Promise<void> {
    const floor = this.#floor
    expect([await back.log.floor(), await back.log.head()]).toEqual([floor, this.#all.length])
    const { changes } = await back.log.read({ after: floor, limit: 1_000 })
    expect(changes.map(shown)).toEqual(this.#all.slice(floor).map(shown))
    const at = await back.log.at(this.#all.map(({ seq }) => seq))
    expect(at.flatMap((change) => (change ? [shown(change)] : []))).toEqual(
      this.#all.filter((_, i) => at[i] !== undefined).map(shown),
    )
    for (const [i, { seq }] of this.#all.entries()) if (seq > floor) expect(at[i]).toBeDefined()
    for (const key of KEYS) await this.#checkKey(back, key, at)
  }

  async #checkKey(back: Back, key: string, at: readonly (LogChange | undefined)[]): Promise<void> {
    const floor = this.#floor
    const history = this.#all.filter((change) => change.key.id === key)
    for (const [i, change] of history.entries()) {
      if (change.seq > floor) break
      const next = history[i + 1]?.seq ?? Infinity
      const mayStay = next > floor && change.op === 'set' && change.expiresAt === undefined
      if (!mayStay) expect(at[change.seq - 1]).toBeUndefined()
      // What it is now; or what it was, when all before its successor was compacted.
      else if (this.#kept && next === Infinity) expect(at[change.seq - 1]).toBeDefined()
    }
    const left = history.filter(({ seq }) => at[seq - 1] !== undefined).toReversed()
    for (const before of [undefined, floor + 1, this.#all.length]) {
      for (const limit of [1, 100]) {
        const expected = left.filter(({ seq }) => before === undefined || seq < before).slice(0, limit)
        const { changes, end } = await back.log.changesOf(StoreKey.of(key), { before, limit })
        expect(changes.map(shown)).toEqual(expected.map(shown))
        expect(end).toBe(expected.length === limit ? 'limit' : floor === 0 ? 'start' : 'floor')
      }
    }
  }
}

function shown({ seq, first, last, op, key, prevVersion, payload, expiresAt }: LogChange): unknown {
  return [seq, first, last, op, key.id, prevVersion, payload?.decode(), expiresAt]
}
