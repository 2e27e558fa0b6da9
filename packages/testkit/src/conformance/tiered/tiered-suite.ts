import {
  type Back,
  type Found,
  type Front,
  type Key,
  type ReadOptions,
  type SharedFront,
  type Store,
  StoreKey,
} from '@tidemark/core'
import { onTestFinished, vi } from 'vitest'
import { ShiftedClock } from '../../clocks/shifted-clock.ts'

export type TestedWritePolicy = 'write-through' | 'write-around' | 'write-behind'
export type TestedReadPolicy = 'frontend-first' | 'frontend-only'

export interface TieredContext {
  readonly writePolicy: TestedWritePolicy
  readonly readPolicy: TestedReadPolicy
  /** The clock that every part is to use. */
  readonly clock: ShiftedClock
}

export interface PolicyPerRead extends ReadOptions {
  readonly readPolicy?: TestedReadPolicy | undefined
}

export interface PolicyPerWrite {
  readonly writePolicy?: TestedWritePolicy | undefined
}

/** The parts of a tiered store. Closing the store closes them all. */
export interface TieredParts {
  readonly store: Store<PolicyPerRead, PolicyPerWrite>
  /** All of them, the nearest first. */
  readonly fronts: readonly (Front | SharedFront)[]
  /** Makes the shared fronts lose every record, as memory pressure does. */
  evictShared(): Promise<void>
  /** The durable one, below the fronts. */
  readonly back: Back
  /** Commits what is written behind. */
  flush(): Promise<void>
  /** Opens another instance over the same back tier and the same shared fronts. It closes with the test. */
  beside(policies: Partial<Omit<TieredContext, 'clock'>>): Promise<Pick<TieredParts, 'store' | 'flush'>>
}

/** Opens an empty tiered store that nobody else uses, under these policies. */
export type OpenTiered = (context: TieredContext) => TieredParts | Promise<TieredParts>

export class TieredUnderTest {
  readonly store: TieredParts['store']
  readonly fronts: readonly (Front | SharedFront)[]
  readonly back: Back
  readonly clock: ShiftedClock

  readonly #evictShared: () => Promise<void>
  readonly #flush: () => Promise<void>
  readonly #beside: TieredParts['beside']

  constructor(parts: TieredParts, clock: ShiftedClock) {
    this.#evictShared = () => parts.evictShared()
    this.#flush = () => parts.flush()
    this.#beside = (policies) => parts.beside(policies)
    this.store = parts.store
    this.fronts = parts.fronts
    this.back = parts.back
    this.clock = clock
  }

  /** What each front holds for the key: its value, `absent`, or undefined where it does not know. */
  inFronts(key: Key): Promise<readonly unknown[]> {
    return Promise.all(
      this.fronts.map(async (front) => {
        const keys = [StoreKey.of(key)]
        const [found] = 'clear' in front ? await front.read(keys) : await front.read(keys, front.session!)
        return found && (found.entry === undefined ? 'absent' : found.entry.payload.decode())
      }),
    )
  }

  /** For every front the same. */
  each<T>(value: T): readonly T[] {
    return this.fronts.map(() => value)
  }

  /** Fills are not waited for by reads: waits until the fronts hold this. */
  async untilInFronts(key: Key, expected: readonly unknown[]): Promise<void> {
    await vi.waitFor(
      async () => {
        const held = await this.inFronts(key)
        if (JSON.stringify(held) !== JSON.stringify(expected)) {
          throw new Error(`${StoreKey.of(key).id} is ${JSON.stringify(held)}, not ${JSON.stringify(expected)}`)
        }
      },
      { interval: 1, timeout: 5_000 },
    )
  }

  async clearFronts(): Promise<void> {
    await this.#evictShared()
    for (const front of this.fronts) if ('clear' in front) await front.clear()
  }

  flush(): Promise<void> {
    return this.#flush()
  }

  /** See {@link TieredParts}. */
  beside(policies: Partial<Omit<TieredContext, 'clock'>>): Promise<Pick<TieredParts, 'store' | 'flush'>> {
    return this.#beside(policies)
  }

  /** Counts the keys that reads ask the back tier for, from now on. */
  watchBack(): { readonly asked: number } {
    const watch = { asked: 0 }
    const readOne = vi.spyOn(this.back, 'readOne')
    const read = vi.spyOn(this.back, 'read')
    return Object.defineProperty(watch, 'asked', { get: () => readOne.mock.calls.length + read.mock.calls.length })
  }

  /** Makes the nearest front hold this, which no one has written. */
  async plant(key: Key, found: Omit<Found, 'tier' | 'until'>): Promise<void> {
    const fill = { key: StoreKey.of(key), found: { ...found, until: Infinity, tier: 'planted' }, asOf: found.asOf }
    await this.fronts[0]!.fill([fill])
  }
}

export type StartTiered = (policies?: Partial<Omit<TieredContext, 'clock'>>) => Promise<TieredUnderTest>

/** Opens one store per test, and closes it when the test is over. */
export async function startTiered(
  open: OpenTiered,
  { writePolicy = 'write-through', readPolicy = 'frontend-first' }: Partial<Omit<TieredContext, 'clock'>> = {},
): Promise<TieredUnderTest> {
  const clock = new ShiftedClock()
  const parts = await open({ writePolicy, readPolicy, clock })
  onTestFinished(() => parts.store.close())
  return new TieredUnderTest(parts, clock)
}
