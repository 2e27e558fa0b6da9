import { assertKnown, type Log, port, wholeAtLeast } from '@tidemark/core'
import { assertEpoch, assertOwn } from '../resume.ts'
import { decodeToken } from '../token.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import type { Lane } from './lane.ts'
import { doneTo, readLaneMarks } from './lane-mark.ts'

export interface CaughtUpOptions {
  /** A token, or the seq of a change. @default the head of the log at the call */
  readonly upTo?: string | number | undefined
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined
}

export interface CaughtUpSight {
  /** The lanes of this process, of which it knows more than is stored. */
  readonly lanes: () => readonly Lane[]
  /** How often the marks of the others are looked at. */
  readonly lookMs: number
  /** @throws what the consumer has ended with; ClosedError */
  readonly assertOpen: () => void
}

/** Waits until every lane, whichever process has it, was seen to be past a place in the log. */
export async function caughtUp(
  { back, log, name, registration, options, progress }: ConsumerParts,
  { lanes, lookMs, assertOpen }: CaughtUpSight,
  asked: CaughtUpOptions,
): Promise<void> {
  const { upTo, signal } = checked(asked)
  signal?.throwIfAborted()
  assertOpen()
  const seq = upTo === undefined ? await log.head() : await seqOf(log, upTo)
  const { clock } = options
  const behind = new Set(Array.from({ length: options.lanes }, (_, lane) => lane))
  const saw = (lane: number, at: number): boolean => at >= seq && behind.delete(lane)
  let lookAt = -Infinity
  for (;;) {
    const { moves } = progress
    const own = lanes().filter(({ index }) => behind.has(index))
    for (const { index, doneTo: at } of own) if (at !== undefined) saw(index, at)
    // Handlers may be done many times before it is time to look for others, and only what is theirs is asked for.
    const others = [...behind].filter((index) => !own.some((lane) => lane.index === index))
    if (others.length > 0 && clock.monotonic() >= lookAt) {
      const marks = await readLaneMarks(back.marks, name, others)
      for (const [i, mark] of marks.entries()) saw(others[i]!, doneTo(mark ?? registration.since))
      lookAt = clock.monotonic() + lookMs
    }
    if (behind.size === 0) return
    signal?.throwIfAborted()
    assertOpen()
    await progress.wait({ ms: lookMs, since: moves, signal })
  }
}

function checked(asked: CaughtUpOptions): CaughtUpOptions {
  assertKnown(asked, ['upTo', 'signal'], 'caughtUp')
  if (typeof asked.upTo === 'number') wholeAtLeast('option upTo', asked.upTo, 0)
  if (asked.signal !== undefined)
    port<AbortSignal>('option signal', asked.signal, ['addEventListener', 'throwIfAborted'])
  return asked
}

/** @throws TidemarkError TOKEN_INVALID, TOKEN_TOO_NEW, TOKEN_FOREIGN, LOG_EPOCH_CHANGED */
async function seqOf(log: Log, upTo: string | number): Promise<number> {
  if (typeof upTo === 'number') return upTo
  const { id, epoch, seq } = decodeToken(upTo)
  // The look at the log is what meets a restore that was declared elsewhere.
  await log.head()
  assertOwn(log, id)
  assertEpoch(log, epoch)
  return seq
}
