import type { Back } from '@tidemark/core'
import { onTestFinished } from 'vitest'
import { ShiftedClock } from '../../clocks/shifted-clock.ts'

/** What a suite hands to whoever opens an adapter for a test. */
export interface BackContext {
  /** The clock that the adapter is to use. */
  readonly clock: ShiftedClock
  /** Where the adapter is to report what a commit listener threw. */
  readonly onError: (error: unknown) => void
}

/** Opens an empty store that nobody else uses. The suite closes it. */
export type OpenBack = (context: BackContext) => Back | Promise<Back>

/** What not every back tier can do. */
export interface BackCapabilities {
  /** Closes nothing, and opens what the store that `open` gave last has made durable. */
  readonly reopen?: OpenBack
  /** As `open`, but the log keeps about this many changes, dropping the oldest commits. */
  readonly openCompacting?: (context: BackContext, maxLogChanges: number) => Back | Promise<Back>
  /** The log answers without leaving the turn. */
  readonly syncLog?: boolean
}

export interface BackUnderTest {
  readonly back: Back
  readonly clock: ShiftedClock
  /** What commit listeners threw so far. */
  readonly errors: readonly unknown[]
}

export type StartBack = () => Promise<BackUnderTest>

/** Opens one store per test, and closes it when the test is over. */
export async function startBack(open: OpenBack): Promise<BackUnderTest> {
  const clock = new ShiftedClock()
  const errors: unknown[] = []
  const back = await open({ clock, onError: (error) => errors.push(error) })
  onTestFinished(() => back.close())
  return { back, clock, errors }
}
