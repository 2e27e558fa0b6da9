import { ALL_KEYS, type Entry, type LogChange, StoreKey, systemClock, type Write } from '@tidemark/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openSqliteBack } from '../src/sqlite-back.ts'
import { deleteOf, setOf } from './support/writes.ts'

const keys = ['a', 'b', 'c', 'd']

interface Step {
  readonly reads: readonly string[]
  readonly writes: readonly {
    readonly key: string
    readonly value: number | undefined
    readonly lives: number | undefined
  }[]
  readonly fails: boolean
}

interface Held {
  readonly value: number
  readonly version: number
  readonly expiresAt: number | undefined
}

/** The whole back tier in a Map and an array. */
class Model {
  readonly held = new Map<string, Held>()
  readonly log: unknown[] = []

  live(key: string, now: number): Held | undefined {
    const held = this.held.get(key)
    return held !== undefined && (held.expiresAt === undefined || held.expiresAt > now) ? held : undefined
  }

  commit(writes: Step['writes'], now: number): void {
    const effects: [op: string, key: string, prevVersion: number, value: number | undefined][] = []
    const head = this.log.length
    for (const { key, value, lives } of writes) {
      const prevVersion = this.live(key, now)?.version ?? 0
      if (value === undefined) {
        if (prevVersion === 0) continue
        this.held.delete(key)
        effects.push(['delete', key, prevVersion, undefined])
      } else {
        effects.push(['set', key, prevVersion, value])
        const expiresAt = lives === undefined ? undefined : now + lives
        this.held.set(key, { value, version: head + effects.length, expiresAt })
      }
    }
    for (const effect of effects) this.log.push([head + 1, head + effects.length, ...effect])
  }

  expire(now: number): void {
    const due = [...this.held]
      .filter(([key]) => this.live(key, now) === undefined)
      .toSorted(([a, one], [b, two]) => one.expiresAt! - two.expiresAt! || (a < b ? -1 : 1))
    const head = this.log.length
    for (const [key, { version }] of due) {
      this.log.push([head + 1, head + due.length, 'expire', key, version, undefined])
      this.held.delete(key)
    }
  }
}

const write = fc.record({
  key: fc.constantFrom(...keys),
  value: fc.option(fc.integer(), { nil: undefined }),
  lives: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
})

const step: fc.Arbitrary<Step> = fc.record({
  reads: fc.array(fc.constantFrom(...keys), { maxLength: 3 }),
  writes: fc.array(write, { maxLength: 5 }),
  fails: fc.boolean(),
})

/** Steps of one turn, then time passes. */
const turn = fc.record({
  steps: fc.array(step, { maxLength: 6 }),
  pause: fc.integer({ min: 0, max: 20 }),
  sweep: fc.boolean(),
})

const shown = ({ first, last, op, key, prevVersion, payload }: LogChange): unknown => [
  first,
  last,
  op,
  key.id,
  prevVersion,
  payload?.read(),
]

test('random proposals do to the store what they do to a Map and an array', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { maxLength: 12 }), fc.integer({ min: 1, max: 8 }), async (turns, maxGroup) => {
      let now = 1000
      const clock = { ...systemClock, now: () => now }
      const back = openSqliteBack({ file: ':memory:', clock, maxGroup }, {})
      const model = new Model()
      const heard: LogChange[] = []
      back.onCommit((commits) => heard.push(...commits.flatMap(({ changes }) => changes)))
      try {
        for (const { steps, pause, sweep } of turns) {
          const seen: (readonly (Entry | undefined)[])[] = []
          const answers = steps.map(({ reads, writes, fails }, i) =>
            back.commit({
              reads: reads.map((key) => StoreKey.of(key)),
              decide(current): readonly Write[] {
                seen[i] = current
                if (fails) throw new Error('fails')
                return writes.map(({ key, value, lives }) =>
                  value === undefined
                    ? deleteOf(key)
                    : setOf(key, value, lives === undefined ? undefined : now + lives),
                )
              },
            }),
          )
          const settled = await Promise.allSettled(answers)
          for (const [i, { reads, writes, fails }] of steps.entries()) {
            const expected = reads.map((key) => model.live(key, now))
            expect(seen[i]!.map((entry) => [entry?.version, entry?.payload.read()])).toEqual(
              expected.map((held) => [held?.version, held?.value]),
            )
            expect(settled[i]!.status).toBe(fails ? 'rejected' : 'fulfilled')
            if (!fails) model.commit(writes, now)
          }
          now += pause
          if (sweep) {
            await back.expire(100)
            model.expire(now)
          }
        }
        const { changes } = await back.log.read({ after: 0, limit: 1_000_000 })
        expect(changes.map(shown)).toEqual(model.log)
        expect(heard.map(shown)).toEqual(model.log)
        const { entries } = await back.scan(ALL_KEYS, { after: undefined, limit: 100, reverse: false })
        const live = keys.filter((key) => model.live(key, now) !== undefined)
        expect(entries.map(({ key, version, payload }) => [key.id, version, payload.read()])).toEqual(
          live.map((key) => [key, model.held.get(key)!.version, model.held.get(key)!.value]),
        )
      } finally {
        await back.close()
      }
    }),
    { numRuns: 200 },
  )
})
