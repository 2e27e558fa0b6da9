import { CompactedError, TidemarkError } from '@tidemark/core'
import { startNow } from '../resume.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import type { LaneWork } from './lane-work.ts'

const LOST = ['LOG_AHEAD', 'LOG_EPOCH_CHANGED', 'LOG_DIVERGED', 'LOG_GAP', 'TOKEN_FOREIGN']

/** Whether a lane can never go on from its place. */
export function isPlaceLost(error: unknown): error is TidemarkError {
  return error instanceof CompactedError || (error instanceof TidemarkError && LOST.includes(error.code))
}

/** Halts a lane that can never go on from its place, or takes it to the head of the log, as `onCompacted` says. */
export async function leaveLostPlace(
  { log, options, emit }: ConsumerParts,
  work: LaneWork,
  error: TidemarkError,
): Promise<void> {
  const { state, lane } = work.options
  if (state.mark.halt !== undefined) return
  if (options.onCompacted === 'error') return work.halt(undefined, error)
  const { epoch, seq, check } = await startNow(log, 1)
  const after = state.mark.seq
  await state.store(state.next({ trying: undefined }, { epoch, seq, check }))
  emit({ kind: 'skipped', lane, after, to: seq, error })
}
