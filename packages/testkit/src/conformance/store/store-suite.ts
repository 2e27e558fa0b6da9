import { type Back, Store } from '@tidemark/core'
import { onTestFinished } from 'vitest'
import { ShiftedClock } from '../../clocks/shifted-clock.ts'

export interface StoreContext {
  /** The clock that every part of the store is to use. */
  readonly clock: ShiftedClock
}

/** Opens the back tier, a tiered one perhaps, that the suite puts the rich API above. Empty, nobody else's; closed by the suite. */
export type OpenStoreBack = (context: StoreContext) => Back | Promise<Back>

export interface StoreUnderTest {
  readonly store: Store
  readonly back: Back
  readonly clock: ShiftedClock
  /** What loaders threw while nobody waited for them. */
  readonly errors: readonly unknown[]
}

export type StartStore = () => Promise<StoreUnderTest>

/** Opens one store per test, and closes it when the test is over. */
export async function startStore(open: OpenStoreBack): Promise<StoreUnderTest> {
  const clock = new ShiftedClock()
  const back = await open({ clock })
  const errors: unknown[] = []
  const store = new Store(back, { clock, onError: (error) => errors.push(error) })
  onTestFinished(() => store.close())
  return { store, back, clock, errors }
}
