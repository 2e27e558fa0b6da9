import {
  afterTurn,
  type Back,
  type Clock,
  CompactedError,
  type LogChange,
  type NearFront,
  type SyncLog,
  TidemarkError,
} from '@tidemark/core'
import { asError, type TierEvents } from './tier-events.ts'
import { fronted } from './fronted.ts'
import type { Visibility } from './visibility.ts'

/** Changes per page of the log. */
const PAGE = 500
/** Further behind than this, it starts anew: as many keys as the near front's fence remembers (RecentChanges). */
const MAX_BEHIND = 65_536
const RETRY_MS = 50

export interface NearFollowerOptions {
  readonly near: NearFront
  readonly back: Back
  readonly clock: Clock
  readonly events: TierEvents
  /** See TieredOptions.nearMaxStaleMs. */
  readonly maxStaleMs: number
  /** Called with changes met in the log, before the near front takes them. */
  readonly onChanges: (changes: readonly LogChange[]) => void
  readonly visible: Visibility
  /** Called when the near front was emptied: there were changes that nobody has seen. */
  readonly onRestart: () => void
}

/** Keeps the near front in step with the log: in the background, and up to the head whenever a read asks for proof. */
export class NearFollower {
  readonly #options: NearFollowerOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  /** Monotonic time of the last proof that nothing was missed. */
  #verifiedAt = -Infinity
  #verifying: Promise<void> | undefined
  #started = false
  #seen = 0
  /** Of the log that is followed: a restored one is another. */
  #epoch: number

  constructor(options: NearFollowerOptions) {
    this.#options = options
    this.#epoch = options.back.log.identity.epoch
    const { sync } = options.back.log
    // The rest is caught up with in the background, or by the first read.
    if (sync !== undefined) this.#start(sync.head())
    this.#running = this.#run()
  }

  /** Whether a read may be served from the near front without asking the log first. */
  isFresh(): boolean {
    const { maxStaleMs, clock, near } = this.#options
    return maxStaleMs > 0 && near.watermark >= this.#seen && clock.monotonic() - this.#verifiedAt < maxStaleMs
  }

  /** The back tier has told this process something as of here: nothing older is served from now on. */
  saw(asOf: number): void {
    if (asOf > this.#seen) this.#seen = asOf
  }

  /**
   * Resolves when the near front has seen everything that was committed before this call. All reads of a turn share one
   * look at the log: it takes place after the last of them was asked for.
   */
  verified(): Promise<void> {
    return (this.#verifying ??= Promise.resolve().then(() => {
      this.#verifying = undefined
      return this.#verify()
    }))
  }

  /** Takes in the commits of this process, which are the newest there are, without reading them from the log. */
  observe(changes: readonly LogChange[]): void {
    const { near } = this.#options
    const first = changes[0]
    const last = changes.at(-1)
    // Otherwise commits of other processes lie in between: they, and these once more, come from the log.
    if (first !== undefined && last !== undefined && first.seq === near.watermark + 1) {
      near.tail({ from: near.watermark, to: last.seq, changes: fronted(changes) })
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  #start(head: number): void {
    this.#options.near.restart(head)
    this.#started = true
  }

  #verify(): void | Promise<void> {
    const { near, back, clock } = this.#options
    const asked = clock.monotonic()
    const { sync } = back.log
    if (sync === undefined) return this.#verifyRemotely(asked)
    const head = sync.head()
    if (this.#mustRestart(head)) this.#restart(head, head)
    if (head > near.watermark) {
      this.#followNow(sync, head)
    }
    this.#verifiedAt = asked
  }

  #followNow(log: SyncLog, head: number): void {
    const { near } = this.#options
    while (near.watermark < head) {
      const after = near.watermark
      try {
        this.#take(log.read({ after, limit: PAGE, values: false }).changes)
      } catch (error) {
        this.#skipCompacted(error, after)
      }
    }
  }

  async #verifyRemotely(asked: number): Promise<void> {
    const head = await this.#options.back.log.head()
    await this.#catchUp(head)
    this.#verifiedAt = asked
  }

  async #run(): Promise<void> {
    const { near, back, clock, events } = this.#options
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        if (!this.#started) this.#start(await back.log.head())
        await back.log.wait(near.watermark, signal)
        await this.#catchUp(await back.log.head())
      } catch (error) {
        if (signal.aborted || (error instanceof TidemarkError && error.code === 'CLOSED')) return
        events.emit({ type: 'follow-failed', tier: near.name, error: asError(error) })
        await clock.sleep(RETRY_MS)
      }
    }
  }

  async #catchUp(head: number): Promise<void> {
    const { near, back } = this.#options
    if (!this.#started) this.#start(head)
    if (this.#mustRestart(head)) this.#restart(head, head)
    while (near.watermark < head) {
      const after = near.watermark
      try {
        this.#take((await back.log.read({ after, limit: PAGE, values: false })).changes)
      } catch (error) {
        this.#skipCompacted(error, after)
      }
      // An embedded log answers without leaving the turn: much to catch up with would let nothing else run.
      if (near.watermark < head) await new Promise<void>(afterTurn)
    }
  }

  #take(changes: readonly LogChange[]): void {
    const { near, onChanges } = this.#options
    const first = changes[0]
    const last = changes.at(-1)
    if (first === undefined || last === undefined) {
      throw new TidemarkError('LOG_GAP', `the log of ${this.#options.back.name} ended before its own head`)
    }
    // A read of the log that came late: this was taken meanwhile, by a verification or from an own commit.
    if (first.seq !== near.watermark + 1) return
    onChanges(changes)
    near.tail({ from: first.seq - 1, to: last.seq, changes: fronted(changes) })
    this.#options.visible.tell(changes)
  }

  #mustRestart(head: number): boolean {
    const { near, back } = this.#options
    return head - near.watermark > MAX_BEHIND || back.log.identity.epoch !== this.#epoch
  }

  #skipCompacted(error: unknown, after: number): void {
    if (!(error instanceof CompactedError)) throw error
    // A read that came late: somebody else has got past it meanwhile.
    if (this.#options.near.watermark === after) this.#restart(error.head, error.floor)
  }

  /** Forgets everything and follows from `from` on. */
  #restart(head: number, from: number): void {
    const { near, back, events, onRestart, visible } = this.#options
    const { epoch } = back.log.identity
    const behind = head - near.watermark
    // Of a restored log nobody can tell what was new in it.
    if (epoch === this.#epoch) void visible.tellUnread(near.watermark, from)
    this.#epoch = epoch
    onRestart()
    near.restart(from)
    events.emit({ type: 'near-restarted', tier: near.name, behind })
  }
}
