import type { Clock } from '@tidemark/core'

/** Rounds are no closer together: each asks who needs the log, and may have to measure it. */
const MIN_EVERY_MS = 20

/** For each change that was written since the last step, the next one may remove so many. */
const AHEAD_OF_WRITERS = 4

/** A step is never larger than so many times what was asked for. */
const MAX_GROWTH = 16

export interface PaceOptions {
  readonly everyMs: number
  readonly step: number
  readonly clock: Clock
}

/**
 * How soon the next round is due, and how much its steps remove. Both follow the writers: a log that is at its bound
 * stays about there whatever their rate, and a step costs the transaction that it shares with them no more than a part
 * of what they do there themselves. Steps of one size at fixed times fall behind busy writers, and then work in bursts.
 */
export class Pace {
  readonly #options: PaceOptions
  /** When the last round ended. */
  #since: number
  #head: number | undefined
  #stepHead = 0

  constructor(options: PaceOptions) {
    this.#options = options
    this.#since = options.clock.monotonic()
  }

  roundBegins(head: number): void {
    this.#head ??= head
    this.#stepHead = head
  }

  /** How many changes the next step is to remove, where the log ends at `head` by now. */
  stepSize(head: number): number {
    const { step } = this.#options
    const written = head - this.#stepHead
    this.#stepHead = head
    return Math.min(MAX_GROWTH * step, Math.max(step, AHEAD_OF_WRITERS * written))
  }

  /** @returns milliseconds until a step will be worth its transaction again, if the log grows as it did */
  roundEnds(head: number, removed: number): number {
    const { everyMs, step, clock } = this.#options
    const now = clock.monotonic()
    const written = head - (this.#head ?? head)
    const untilStep = written > 0 ? ((now - this.#since) * step) / written : Infinity
    this.#head = head
    this.#since = now
    // What removes nothing has nothing to keep up with: the log is below its bound, or held back.
    return removed === 0 ? everyMs : Math.min(everyMs, Math.max(MIN_EVERY_MS, untilStep))
  }
}
