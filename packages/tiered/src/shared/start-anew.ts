import type { Back, FrontAgreement, FrontSession, SharedFront } from '@tidemark/core'
import { markAt } from './mark.ts'

export interface StartOptions {
  readonly front: SharedFront
  readonly back: Back
  readonly random: () => number
  /** The bound that this process wants; who wants a larger one raises it. */
  readonly maxStaleMs: number
  /** Called when nothing that the front holds counts any more. */
  readonly onStart: () => void
}

/**
 * Starts a front anew, in an epoch of its own, from the head of the log.
 * @returns whether it was this process that did; false: somebody else is at it, or has just done it
 */
export async function startAnew(
  { front, back, random, maxStaleMs, onStart }: StartOptions,
  seen: FrontSession,
  { term }: FrontAgreement,
): Promise<boolean> {
  const epoch = Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
  try {
    return await front.initialize(async () => {
      onStart()
      const next = { epoch, server: seen.server, suspended: false, maxStaleMs }
      const { agreement, head } = await back.agreements.change(front.agreedAs, term, next)
      // Never with an epoch of somebody else: it may have been started, and stopped, already.
      if (agreement.epoch !== epoch) throw new Superseded()
      return { epoch, head, mark: await markAt(back.log, head) }
    }, seen)
  } catch (error) {
    if (error instanceof Superseded) return false
    throw error
  }
}

/** Another process started the front meanwhile. */
class Superseded extends Error {}
