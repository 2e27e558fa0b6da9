import {
  type ApplyMode,
  type Back,
  type Clock,
  type Fill,
  type Found,
  type FrontAgreement,
  type FrontSession,
  type LogChange,
  type SharedFront,
  type StoreKey,
  type TierReport,
  versionOf,
} from '@tidemark/core'
import type { TierEvents } from '../tier-events.ts'
import { FrontFollower } from './front-follower.ts'
import { FrontRoom } from './front-room.ts'
import { FrontState } from './front-state.ts'
import { KeptFills } from './kept-fills.ts'
import { KeptWrites } from './kept-writes.ts'
import { Outage } from './outage.ts'
import { RequiredVersions } from './required-versions.ts'

/** Of Δ: how long writes may miss a front before it is suspended. Time enough to connect anew, and for the next look. */
const GRACE_PART = 2

export interface FrontLinkOptions {
  readonly front: SharedFront
  readonly back: Back
  readonly clock: Clock
  readonly random: () => number
  readonly events: TierEvents
  readonly maxStaleMs: number
  /** See FrontFollowerOptions. */
  readonly onProven: (after: number, to: number) => void
}

export interface FrontAnswers {
  readonly found: readonly (Found | undefined)[]
  /** Every answer includes every change of its key up to this seq, whatever it says itself: what it says is not copied. */
  readonly includes: number
}

/** What a front did with a group of commits, and on which server. */
export interface Application {
  readonly report: TierReport
  /** undefined: it failed, or the connection has changed meanwhile. */
  readonly server: string | undefined
}

const READY_POLL_MS = 5

/** One shared front as the tiered store uses it: nothing that it does ever fails a read or a write. */
export class FrontLink {
  readonly name: string
  readonly follower: FrontFollower
  readonly #options: FrontLinkOptions
  readonly #required = new RequiredVersions()
  readonly #state: FrontState
  readonly #room: FrontRoom
  readonly #outage: Outage
  /** Fills under way; nobody awaits them, but closing does. */
  readonly #fills = new Set<Promise<unknown>>()
  readonly #kept = new KeptFills()
  readonly #written: KeptWrites
  readonly #stopListening: () => void
  #isClosed = false

  constructor(options: FrontLinkOptions) {
    this.name = options.front.name
    this.#options = options
    this.#written = new KeptWrites({ ...options, fill: (fills) => this.fill(fills) })
    this.#state = new FrontState(options.front.name, options.events)
    this.#room = new FrontRoom(options)
    this.follower = new FrontFollower({ ...options, state: this.#state, required: this.#required })
    this.#stopListening = options.front.onSession((session) => this.#onSession(session))
    const { clock, maxStaleMs } = options
    this.#outage = new Outage({
      clock,
      graceMs: maxStaleMs / GRACE_PART,
      hasAnsweredSince: (time) => this.follower.hasAnsweredSince(time),
      suspend: () => void this.follower.suspend(),
    })
  }

  get front(): SharedFront {
    return this.#options.front
  }

  /** The version that an answer must have at least to be believed by this process; 0: any. */
  requiredVersion(key: StoreKey): number {
    return this.#required.of(key.id)
  }

  /** What the front knows of the keys, and is proven to; less what is older than what this process has seen or written. */
  async read(keys: readonly StoreKey[]): Promise<FrontAnswers> {
    const { front, clock } = this.#options
    const { certificate } = this.follower
    if (certificate === undefined) return nothing(keys)
    const required = this.#required
    // Asked before and after: the front may have answered before something that is known by the time its answer is here.
    const before = required.isEmpty ? undefined : keys.map((key) => required.of(key.id))
    let answers: readonly (Found | undefined)[]
    try {
      answers = await front.read(keys, certificate.session)
      this.#state.recover('read')
    } catch (error) {
      this.#state.fail('read', error)
      return nothing(keys)
    }
    // Of this certificate, and not of a later one, which says nothing about an answer that was on its way already.
    if (clock.monotonic() >= certificate.validUntil) return nothing(keys)
    const { includes } = certificate
    if (before === undefined && required.isEmpty) return { found: answers, includes }
    const found = answers.map((answer, i) => {
      if (answer === undefined) return undefined
      const needed = Math.max(before?.[i] ?? 0, required.of(keys[i]!.id))
      return versionOf(answer) < needed && includes < needed ? undefined : answer
    })
    return { found, includes }
  }

  /** A reader got these from below: nothing older is read from the front afterwards. */
  note(keys: readonly StoreKey[], found: readonly Found[]): void {
    for (let i = 0; i < keys.length; i++) this.#required.note(keys[i]!, found[i]!)
  }

  async apply(changes: readonly LogChange[], mode: ApplyMode): Promise<Application> {
    const { front } = this.#options
    // Before the first await: from now on a read in this process does not accept what these changes replaced.
    this.#required.expect(changes)
    const { server, epoch } = front.session ?? {}
    try {
      const outcomes = await front.apply(changes, mode)
      this.#required.settle(changes)
      this.#state.recover('apply')
      this.#outage.reached()
      if (mode === 'install') this.#written.note(changes, outcomes, epoch)
      return {
        report: { tier: this.name, outcome: 'applied', error: undefined },
        server: front.session?.server === server ? server : undefined,
      }
    } catch (error) {
      const failure = this.#state.fail('apply', error)
      return { report: { tier: this.name, outcome: 'failed', error: failure }, server: undefined }
    }
  }

  /**
   * Resolves when no process reads from this front what a group of commits replaced.
   *
   * At once, where the front took them on the server that was agreed on in their own transaction, and has been for longer
   * than any certificate of another one lives; or where it was agreed on that nobody reads from the front, for as long. Where
   * that was agreed on more recently, as soon as it was so long ago, whatever is agreed on meanwhile: who samples that samples
   * the commit, too. Otherwise when every certificate that was given before the commit has run out.
   *
   * Those live no longer than the agreement of the commit says in `waitMs`, whatever Δ others have: a certificate proves
   * what a sample says, within the bound of that very sample. A sample from before the commit has its term or an earlier
   * one, whose bound was not larger, or has run out (see settled-wait.ts). One that has a larger bound was taken after the
   * commit, also when it was raised while this waits: its head includes the commit, and so does the watermark that covers it.
   */
  async isSafe(agreement: FrontAgreement, { server }: Application, committedAt: number): Promise<void> {
    const { clock, maxStaleMs } = this.#options
    const boundMs = Math.max(maxStaleMs, agreement.waitMs)
    // The next writers shall not have to wait, if it lasts.
    if (server === undefined && !agreement.suspended) this.#outage.missed()
    let until = committedAt + boundMs
    if (agreement.suspended || (server !== undefined && server === agreement.server)) {
      until = Math.min(until, clock.monotonic() + boundMs - this.follower.ageOf(agreement.term))
    }
    // Timers count whole milliseconds, and end up to one early: not so the wait.
    for (let left: number; (left = until - clock.monotonic()) > 0;) await clock.sleep(Math.ceil(left))
  }

  /**
   * Offers answers of a lower tier; while the front is being started, later. Readers do not wait for it. Never rejects.
   * @param unreadable whose records nobody can decode. They go first: as if the front had lost them, which it always may, so
   * that a fill that comes late is refused as ever
   */
  async offer(fills: readonly Fill[], unreadable: readonly StoreKey[] = []): Promise<void> {
    const { session } = this.#options.front
    if ((fills.length === 0 && unreadable.length === 0) || session === undefined) return
    if (session.epoch === undefined) return this.#kept.keep(fills)
    const offering = unreadable.length === 0 ? this.fill(fills) : this.#discard(unreadable).then(() => this.fill(fills))
    const filling = offering.finally(() => this.#fills.delete(filling))
    this.#fills.add(filling)
    await filling
  }

  /** What stays is found again by the next reader. */
  async #discard(keys: readonly StoreKey[]): Promise<void> {
    await this.#options.front.discard(keys).catch((error: unknown) => this.#state.fail('fill', error))
  }

  /** As {@link offer}, but says how many were not refused; undefined: the front failed. */
  async fill(fills: readonly Fill[]): Promise<number | undefined> {
    try {
      const outcomes = await this.#options.front.fill(fills)
      this.#state.recover('fill')
      return outcomes.filter((outcome) => outcome === 'installed').length
    } catch (error) {
      this.#state.fail('fill', error)
      return undefined
    }
  }

  /** Resolves as soon as the front takes fills, or after so many milliseconds, or when the signal aborts. */
  async ready(withinMs: number, signal: AbortSignal): Promise<void> {
    const { front, clock } = this.#options
    const end = clock.monotonic() + withinMs
    // Slept and not scheduled, which would let the process end meanwhile.
    const mayCome = (): boolean => !this.#isClosed && !signal.aborted && clock.monotonic() < end
    while (front.session?.epoch === undefined && mayCome()) await clock.sleep(READY_POLL_MS)
  }

  #onSession(session: FrontSession | undefined): void {
    if (session === undefined) this.#kept.clear()
    else if (session.epoch !== undefined) void this.offer(this.#kept.take())
    this.#written.onSession(session)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#room.close()
    this.#outage.close()
    this.#stopListening()
    await this.follower.close()
    await Promise.allSettled(this.#fills)
    await this.#written.close()
    await this.#options.front.close()
  }
}

function nothing(keys: readonly StoreKey[]): FrontAnswers {
  return { found: keys.map(() => undefined), includes: 0 }
}
