import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ALL_KEYS,
  type Back,
  createMemoryBack,
  type MemoryBack,
  partOf,
  Store,
  TidemarkError,
} from '../../src/index.ts'

const CHUNK = 256 * 1024
const KEYS = ['a', 'b'] as const

type Op =
  | 'append'
  | 'append in transaction'
  | 'begin anew'
  | 'delete'
  | 'set'
  | 'blob'
  | 'sweep'
  | 'read'
  | 'broken blob'

const OTHER_OPS: readonly Op[] = [
  'append in transaction',
  'append in transaction',
  'begin anew',
  'delete',
  'set',
  'blob',
  'sweep',
  'read',
  'broken blob',
]

interface Step {
  readonly op: Op
  readonly key: (typeof KEYS)[number]
  readonly store: number
  /** How long its source takes, in turns. */
  readonly turns: number
}

const steps: fc.Arbitrary<readonly (readonly Step[])[]> = fc.array(
  fc.array(
    fc.record({
      op: fc.constantFrom<Op>('append', 'append', 'append', ...OTHER_OPS),
      key: fc.constantFrom(...KEYS),
      store: fc.nat({ max: 1 }),
      turns: fc.nat({ max: 9 }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  { minLength: 1, maxLength: 8 },
)

/** What was acknowledged at a key, by the version that it had. */
interface Acknowledged {
  readonly key: string
  readonly version: number
  readonly made:
    | { readonly element: number }
    | { readonly first: number }
    | { readonly blob: number }
    | { readonly value: number }
    | 'deleted'
}

async function* source(fill: number, turns: number, fails: boolean): AsyncGenerator<Uint8Array> {
  for (let i = 0; i <= turns; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    yield new Uint8Array(CHUNK).fill(fill)
  }
  if (fails) throw new Error('no more')
}

class World {
  readonly back: MemoryBack = createMemoryBack()
  /** What went wrong in the background. */
  readonly errors: unknown[] = []
  readonly stores: readonly Store[] = [0, 1].map(
    () => new Store(this.back, { onError: (error) => void this.errors.push(error) }),
  )
  readonly acknowledged: Acknowledged[] = []
  #count = 0

  async run({ op, key, store: index, turns }: Step): Promise<void> {
    const store = this.stores[index]!
    const n = ++this.#count
    const note = (version: number, made: Acknowledged['made']): void =>
      void this.acknowledged.push({ key, version, made })
    try {
      if (op === 'append') note((await store.log(key).append(n)).version, { element: n })
      else if (op === 'append in transaction')
        note((await store.transaction((tx) => tx.log(key).append(n))).version, { element: n })
      else if (op === 'begin anew') {
        const begun = store.transaction((tx) => {
          tx.log(key).append('taken back')
          tx.delete(key)
          tx.log(key).append(n)
        })
        note((await begun).version, { first: n })
      } else if (op === 'set') note((await store.set(key, n)).version, { value: n })
      else if (op === 'blob')
        note((await store.blob(key).write(source(n % 256, turns, false))).version, { blob: n % 256 })
      else if (op === 'broken blob') await store.blob(key).write(source(1, turns, true))
      else if (op === 'sweep') await store.sweep({ orphanAgeMs: 0 })
      else if (op === 'read') await this.#read(store, key)
      else {
        const { deleted, version } = await store.delete(key)
        if (deleted) note(version, 'deleted')
      }
    } catch (error) {
      const isExpected = error instanceof TidemarkError && ['WRONG_TYPE', 'REPLACED'].includes(error.code)
      if (!isExpected && !(op === 'broken blob' && (error as Error).message === 'no more')) throw error
    }
  }

  /** Whatever it finds is whole. */
  async #read(store: Store, key: string): Promise<void> {
    const entry = await store.entry(key)
    if (entry?.type === 'log') {
      const seen = (await Array.fromAsync(store.log<number>(key).elements())).map(({ version }) => version)
      expect(seen).toEqual(seen.toSorted((one, other) => one - other))
    } else if (entry?.type === 'blob') {
      expect(new Set(await store.blob(key).bytes()).size).toBeLessThanOrEqual(1)
    }
  }

  /** What the acknowledged writes come to, in the order of their versions. */
  expected(key: string): unknown {
    let state: unknown
    for (const { version, made } of this.#of(key)) {
      if (made === 'deleted') state = undefined
      else if ('first' in made) state = [made.first]
      else if ('element' in made) state = Array.isArray(state) ? [...(state as number[]), made.element] : [made.element]
      else state = 'blob' in made ? { blob: made.blob } : { value: made.value }
      expect(version).toBeGreaterThan(0)
    }
    return state
  }

  async actual(key: string): Promise<unknown> {
    const [store] = this.stores
    const entry = await store!.entry(key)
    if (entry === undefined) return undefined
    if (entry.type === 'log') return Array.fromAsync(store!.log(key))
    if (entry.type === 'blob') return { blob: (await store!.blob(key).bytes())![0] }
    return { value: entry.value }
  }

  #of(key: string): readonly Acknowledged[] {
    return this.acknowledged.filter((each) => each.key === key).toSorted((one, other) => one.version - other.version)
  }
}

async function partsIn(back: Back): Promise<readonly string[]> {
  const { entries } = await back.scan(ALL_KEYS, { after: undefined, limit: 10_000, reverse: false })
  return entries.flatMap(({ key }) => partOf(key) ?? []).map(({ owner }) => owner.id)
}

describe('logs and blobs that are written, replaced, deleted and swept at the same time', () => {
  it('are what was acknowledged, in its order, and nothing is left of what was replaced', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (waves) => {
        const world = new World()
        for (const wave of waves) {
          await Promise.all(wave.map((step) => world.run(step)))
          for (const key of KEYS) expect(await world.actual(key)).toEqual(world.expected(key))
        }
        // Each: what another store is just removing in the background is passed over, and only that one waits for it.
        for (const store of world.stores) await store.sweep({ orphanAgeMs: 0 })
        for (const key of KEYS) {
          const actual = await world.actual(key)
          expect(actual).toEqual(world.expected(key))
          const parts = (await partsIn(world.back)).filter((owner) => owner === key).length
          if (Array.isArray(actual)) expect(parts).toBe(actual.length)
          else if (actual === undefined || 'value' in (actual as object)) expect(parts).toBe(0)
        }
        expect(world.errors).toEqual([])
        for (const store of world.stores) await store.close()
      }),
      { numRuns: 60 },
    )
  }, 120_000)
})
