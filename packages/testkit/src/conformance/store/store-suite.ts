import { type Back, Store } from '@tidemark/core'
import { onTestFinished } from 'vitest'
import { ShiftedClock } from '../../clocks/shifted-clock.ts'

export interface StoreContext {
  /** The clock that every part of the store is to use. */
  readonly clock: ShiftedClock
}

/** What a store may promise less of than others do. */
export interface StoreCapabilities {
  /**
   * Acknowledges what only sets keys before it is committed (write-behind), with version 0; this resolves when everything
   * is committed that was acknowledged before.
   */
  readonly flush?: ((back: Back) => Promise<void>) | undefined
}

/** Opens the back tier, a tiered one perhaps, that the suite puts the rich API above. Empty, nobody else's; closed by the suite. */
export type OpenStoreBack = (context: StoreContext) => Back | Promise<Back>

export interface StoreUnderTest {
  readonly store: Store
  readonly back: Back
  readonly clock: ShiftedClock
  /** What loaders threw while nobody waited for them. */
  readonly errors: readonly unknown[]
  /** Whether what only sets keys is acknowledged with version 0, before it is committed. */
  readonly isBehind: boolean
  /** Resolves when everything is in the log that was acknowledged before. */
  readonly committed: () => Promise<void>
}

export type StartStore = () => Promise<StoreUnderTest>

/** Opens one store per test, and closes it when the test is over. */
export async function startStore(open: OpenStoreBack, { flush }: StoreCapabilities = {}): Promise<StoreUnderTest> {
  const clock = new ShiftedClock()
  const back = await open({ clock })
  const errors: unknown[] = []
  const store = new Store(back, { clock, onError: (error) => errors.push(error) })
  onTestFinished(() => store.close())
  const committed = async (): Promise<void> => flush?.(back)
  return { store, back, clock, errors, isBehind: flush !== undefined, committed }
}
