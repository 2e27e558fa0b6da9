import { type Clock, type LogChange, TidemarkError } from '@tidemark/core'
import { pause } from '../relay/pause.ts'
import type { RedisStreamLog } from '../relay/redis-stream-log.ts'
import { waitForMore } from '../relay/wait-for-more.ts'

/** So many keys whose last change came by the stream are remembered. */
const CAPACITY = 10_000
/** So much their values take, about. One that takes a large part of it is left to Redis. */
const MOST_BYTES = 16 * 1024 * 1024
const MOST_VALUE_BYTES = MOST_BYTES / 32
const PAGE = 500
/** How often an idle stream is looked at, for whether somebody still sees to it. */
const LOOK_EVERY_MS = 1_000
/** For so long a stream is believed without anybody seeing to it: longer than a relay pauses. */
const CONFIRMED_MS = 5_000
const NOTHING_IS_NEW_ENOUGH = Number.MAX_SAFE_INTEGER
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 2_000

export interface StreamedChangesOptions {
  readonly log: RedisStreamLog
  readonly clock: Clock
  /** Gets what the stream fails with, other than outages. */
  readonly onError: (error: unknown) => void
}

/**
 * What the stream has told since this process follows it: the newest changes, by key. A record in Redis that is older than
 * the change of its key is not to be believed; and of what is no longer remembered, `floor` says how new a front has to be.
 */
export class StreamedChanges {
  readonly #options: StreamedChangesOptions
  /** By the id of the key, the one that changed longest ago first. */
  readonly #newest = new Map<string, LogChange>()
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #bytes = 0
  /** The stream does not continue where it was left. */
  #isLost = false
  /** Of the log, when it was taken up. */
  #epoch: number
  /** Monotonic: then everything in the log was known here. */
  #confirmedAt: number
  #position: number
  #floor: number

  /** @param head from where the stream is followed: what the log has just said */
  constructor(head: number, options: StreamedChangesOptions) {
    this.#options = options
    this.#epoch = options.log.identity.epoch
    this.#confirmedAt = options.clock.monotonic() - options.log.unconfirmedMs
    this.#position = head
    this.#floor = head
    this.#running = this.#run()
  }

  /** Up to here the stream was followed. */
  get position(): number {
    return this.#position
  }

  /** A front that has executed everything up to here holds nothing older than the keys that are not remembered. */
  get floor(): number {
    return this.#floor
  }

  /**
   * Whether the stream is what the log is, but for the last seconds. Where nobody copies the log any more, or Redis cannot be
   * reached, what it has told may have been replaced since.
   */
  get isConfirmed(): boolean {
    return this.#options.clock.monotonic() - this.#confirmedAt <= CONFIRMED_MS
  }

  get(id: string): LogChange | undefined {
    return this.#newest.get(id)
  }

  /** These were shown to somebody: no read may answer anything older from now on, whether or not it was their turn here. */
  observe(changes: readonly LogChange[]): void {
    // Of another history: nothing that this one has told is worth anything. It is taken up as soon as it is its turn.
    if (this.#options.log.identity.epoch !== this.#epoch) return this.#forgetAll()
    for (const change of changes) this.#note(change)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { log, clock, onError } = this.#options
    const { signal } = this.#stop
    for (let failures = 0; !signal.aborted;) {
      try {
        if (this.#isLost) await this.#startAnew()
        const sentAt = clock.monotonic()
        const { changes, head } = await log.read({ after: this.#position, limit: PAGE })
        // Whoever has looked at the log last knows its epoch; so compare with what it was when it was taken up.
        if (log.identity.epoch !== this.#epoch || this.#floor === NOTHING_IS_NEW_ENOUGH) {
          throw new TidemarkError('LOG_EPOCH_CHANGED', 'the log was restored')
        }
        for (const change of changes) this.#take(change)
        failures = 0
        if (this.#position >= head) this.#confirmedAt = Math.max(this.#confirmedAt, sentAt - log.unconfirmedMs)
        if (changes.length === 0) await waitForMore(log, this.#position, LOOK_EVERY_MS, { clock, signal })
      } catch (error) {
        if (signal.aborted || (error instanceof TidemarkError && error.code === 'CLOSED')) return
        if (!(error instanceof TidemarkError && error.retryable)) {
          onError(error)
          this.#forgetAll()
          this.#isLost = true
        }
        await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++), clock, signal)
      }
    }
  }

  /** Where the stream does not continue, nothing that was told before is worth anything. @throws as the log does */
  async #startAnew(): Promise<void> {
    const { log, clock } = this.#options
    const sentAt = clock.monotonic()
    const head = await log.head()
    this.#isLost = false
    this.#epoch = log.identity.epoch
    this.#confirmedAt = sentAt - log.unconfirmedMs
    this.#position = head
    this.#floor = head
  }

  /** Until it is known where to go on, no record is new enough. */
  #forgetAll(): void {
    this.#newest.clear()
    this.#bytes = 0
    this.#confirmedAt = -Infinity
    this.#floor = NOTHING_IS_NEW_ENOUGH
  }

  #take(change: LogChange): void {
    this.#note(change)
    this.#position = change.seq
  }

  #note(change: LogChange): void {
    const { id } = change.key
    const known = this.#newest.get(id)
    if (known !== undefined && known.seq >= change.seq) return
    if (known !== undefined) this.#forget(known)
    // Up to the floor a later change of the key may have been forgotten; a front that is as new as that has it.
    if (change.seq <= this.#floor) return
    const kept = withoutLarge(change)
    this.#newest.set(id, kept)
    this.#bytes += sizeOf(kept)
    while (this.#newest.size > CAPACITY || this.#bytes > MOST_BYTES) {
      const oldest = this.#newest.values().next().value!
      this.#forget(oldest)
      this.#floor = Math.max(this.#floor, oldest.seq)
    }
  }

  #forget(change: LogChange): void {
    this.#newest.delete(change.key.id)
    this.#bytes -= sizeOf(change)
  }
}

function sizeOf({ payload, meta }: LogChange): number {
  return (payload?.byteLength ?? 0) + (meta?.byteLength ?? 0)
}

function withoutLarge(change: LogChange): LogChange {
  if (sizeOf(change) > MOST_VALUE_BYTES) return { ...change, payload: undefined, meta: undefined, leftOut: true }
  // It would keep the run that it came in.
  change.payload?.detach()
  change.meta?.detach()
  return change
}
