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

/** A store that was opened twice, where that is possible; otherwise `other` is `back`. Both have one clock. */
export interface BacksUnderTest extends BackUnderTest {
  readonly other: Back
}

export type StartBacks = () => Promise<BacksUnderTest>

/** Opens one store per test, and closes it when the test is over. */
export async function startBack(open: OpenBack): Promise<BackUnderTest> {
  const { context, errors } = newContext()
  return { back: await openForTest(open, context), clock: context.clock, errors }
}

/** As {@link startBack}, with another process's view of the same store. */
export async function startBacks(open: OpenBack, reopen: OpenBack | undefined): Promise<BacksUnderTest> {
  const { context, errors } = newContext()
  const back = await openForTest(open, context)
  const other = reopen === undefined ? back : await openForTest(reopen, context)
  return { back, other, clock: context.clock, errors }
}

function newContext(): { context: BackContext; errors: readonly unknown[] } {
  const errors: unknown[] = []
  return { context: { clock: new ShiftedClock(), onError: (error) => errors.push(error) }, errors }
}

async function openForTest(open: OpenBack, context: BackContext): Promise<Back> {
  const back = await open(context)
  onTestFinished(() => back.close())
  return back
}
