import { type Back, type Clock, ClosedError } from '@tidemark/core'
import { drawSeed } from '../random.ts'
import { checkName } from '../store-option.ts'
import { wallTime } from '../wall-time.ts'
import { fixed } from './arguments.ts'
import type { Dropped } from './dropped.ts'
import { type JournalOptions, type ResolvedJournalOptions, resolveJournalOptions } from './journal-options.ts'
import { JournalView } from './journal-view.ts'
import { JournalWriter } from './journal-writer.ts'
import { type Tail, tailOf } from './tail.ts'
import { WriterLease } from './writer-lease.ts'

/** A journal on its own: what was done is recorded, and can be done again, here or elsewhere. One process at a time writes. */
export class Journal extends JournalView implements AsyncDisposable {
  /** What could not be read at the end of the journal when it was opened. */
  readonly dropped: readonly Dropped[]
  readonly #back: Back
  readonly #name: string
  readonly #clock: Clock
  readonly #random: () => number
  readonly #lease: WriterLease
  readonly #writer: JournalWriter<undefined>
  #at: number
  #closing: Promise<void> | undefined

  constructor(
    { back, name, clock, random }: ResolvedJournalOptions,
    lease: WriterLease,
    { last, at, dropped, head }: Tail,
  ) {
    super(back, name)
    this.dropped = dropped
    this.#back = back
    this.#name = name
    this.#clock = clock
    this.#random = random
    this.#lease = lease
    this.#at = at
    const follower = { groupEnded: () => undefined, committed: () => {}, rolledBack: () => {} }
    this.#writer = new JournalWriter({ back, name, lease, head, last, follower })
  }

  /**
   * Records that something is done. Resolves with its number when that is durable.
   * @throws TypeError or RangeError for what is no name; TidemarkError UNENCODABLE, DISK_FULL, READ_ONLY, BUSY, LEASE_LOST, IO;
   * ClosedError
   */
  record(name: string, ...args: readonly unknown[]): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) throw new ClosedError(`the journal ${this.#name}`)
      checkName(name)
      const recorded = fixed(args, this.#back.codec)
      const seed = drawSeed(this.#random)
      let number = 0
      this.#writer.append({
        byteLength: name.length + recorded.byteLength,
        attempt: (next) => {
          number = next
          this.#at = Math.max(this.#at, wallTime(this.#clock))
          return { number, name, args: recorded.read(), at: this.#at, seed, check: undefined }
        },
        resolve: () => resolve(number),
        reject,
      })
    })
  }

  /** Lets what is under way finish. The store stays open. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#writer.close().then(() => this.#lease.release()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * @throws TypeError or RangeError for a wrong option; TidemarkError ANOTHER_WRITER; CorruptError for a last record that may be
 * whole, and cannot be read here, and for one that is not there any more; what the store fails with
 */
export async function journal(options: JournalOptions): Promise<Journal> {
  const resolved = resolveJournalOptions(options)
  const lease = await WriterLease.take(resolved)
  try {
    return new Journal(resolved, lease, await lease.during(() => tailOf(resolved, lease)))
  } catch (error) {
    await lease.release()
    throw error
  }
}
