import { CompactedError, type Clock, type Log, type LogChange, TidemarkError } from '@tidemark/core'

/** So many keys whose last change came by the stream are remembered. */
const CAPACITY = 10_000
const PAGE = 500
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 2_000

export interface StreamedChangesOptions {
  readonly log: Log
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
  #position: number
  #floor: number

  /** @param head from where the stream is followed */
  constructor(head: number, options: StreamedChangesOptions) {
    this.#options = options
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

  get(id: string): LogChange | undefined {
    return this.#newest.get(id)
  }

  /** These were shown to somebody: no read may answer anything older from now on, whether or not it was their turn here. */
  observe(changes: readonly LogChange[]): void {
    for (const change of changes) {
      // What is not ahead was taken into account, and a later change of the key may be forgotten by now.
      if (change.seq <= this.#position) continue
      if (change.seq > (this.#newest.get(change.key.id)?.seq ?? 0)) this.#remember(change)
    }
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
        const { epoch } = log.identity
        const { changes } = await log.read({ after: this.#position, limit: PAGE })
        if (log.identity.epoch !== epoch) throw new TidemarkError('LOG_EPOCH_CHANGED', 'the log was restored')
        for (const change of changes) this.#take(change)
        failures = 0
        if (changes.length === 0) await log.wait(this.#position, signal)
      } catch (error) {
        if (signal.aborted || (error instanceof TidemarkError && error.code === 'CLOSED')) return
        if (!(error instanceof TidemarkError && error.retryable)) {
          onError(error)
          await this.#startAnew(error)
        }
        await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++), clock, signal)
      }
    }
  }

  /** The stream does not continue where it was left: nothing that was told before is worth anything. */
  async #startAnew(error: unknown): Promise<void> {
    this.#newest.clear()
    // Until it is known where to go on, no record is new enough.
    this.#floor = Number.MAX_SAFE_INTEGER
    const head = error instanceof CompactedError ? error.head : await this.#options.log.head().catch(() => undefined)
    if (head === undefined) return
    this.#position = head
    this.#floor = head
  }

  #take(change: LogChange): void {
    if (change.seq >= (this.#newest.get(change.key.id)?.seq ?? 0)) this.#remember(change)
    this.#position = change.seq
  }

  #remember(change: LogChange): void {
    const { id } = change.key
    this.#newest.delete(id)
    this.#newest.set(id, change)
    if (this.#newest.size <= CAPACITY) return
    const [oldest, { seq }] = this.#newest.entries().next().value!
    this.#newest.delete(oldest)
    this.#floor = Math.max(this.#floor, seq)
  }
}

function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.schedule(ms, done)
    signal.addEventListener('abort', done)
  })
}
