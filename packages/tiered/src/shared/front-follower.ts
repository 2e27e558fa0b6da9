import {
  type Back,
  type Clock,
  CompactedError,
  type FrontLook,
  type FrontSession,
  type SharedFront,
  TidemarkError,
} from '@tidemark/core'
import { asError, type BypassReason, type TierEvents } from '../tier-events.ts'
import type { Certificate } from './certificate.ts'
import { diagnose, type StartReason } from './diagnosis.ts'
import type { FrontState } from './front-state.ts'
import { isElsewhere } from './mark.ts'
import type { RequiredVersions } from './required-versions.ts'
import { Sampler } from './sampler.ts'
import type { Sample } from './samples.ts'
import { ServerClaim } from './server-claim.ts'
import { settleWait } from './settled-wait.ts'
import { startAnew } from './start-anew.ts'
import { tailTo } from './tail.ts'

/** Of Δ: how often the front is looked at. */
const LOOKS = 3
/** After a start that somebody else got in the way of. */
const RETRY_MS = 5
/** Where nothing is proven, nobody may read: the next look comes no later than this, however long a proof would last. */
const UNPROVEN_MS = 100
/** The longest pause after turns that failed one after the other. A new session ends it. */
const LONGEST_PAUSE_MS = 2_000

/** When the next turn is due: `now`; `soon`, when others may be at work on the same; as usual. */
type Next = 'now' | 'soon' | 'usual'

export interface FrontFollowerOptions {
  readonly front: SharedFront
  readonly back: Back
  readonly clock: Clock
  readonly random: () => number
  readonly events: TierEvents
  readonly state: FrontState
  readonly required: RequiredVersions
  /** Δ: see TieredOptions.frontMaxStaleMs. */
  readonly maxStaleMs: number
  /** While it was read all along, the front was proven to have executed every change in `after < seq <= to` too. */
  readonly onProven: (after: number, to: number) => void
}

/**
 * Keeps a shared front in step with the log, and the proof that it is. A turn every Δ/3: sample the back tier, look at
 * the front; start it anew, or replay into it what it has not seen, where that is needed; then certify what it covers.
 * Every process does this; one of them at a time does the replaying, for economy only.
 */
export class FrontFollower {
  readonly #options: FrontFollowerOptions
  readonly #sampler: Sampler
  readonly #claim: ServerClaim
  readonly #stop = new AbortController()
  readonly #stopListening: () => void
  #certificate: Certificate | undefined
  /**
   * When the session began. What this process read or wrote in an earlier one, with another server perhaps, is in the log
   * since then: a certificate of this one has to include all of it.
   */
  #sessionSince = 0
  /** The session whose mark was compared with the log. */
  #checked: FrontSession['server'] | undefined
  /** Where the watermark stood in the last turn, if it was behind the head then. */
  #lagged: number | undefined
  #turn: Promise<void> | undefined
  /** Turns that failed, one after the other. */
  #failures = 0
  #lookedAt = -Infinity
  #again = false
  #cancelTurn: () => void = () => {}

  constructor(options: FrontFollowerOptions) {
    const { front, back, clock, maxStaleMs } = options
    this.#options = options
    this.#sampler = new Sampler({ agreedAs: front.agreedAs, agreements: back.agreements, clock, maxStaleMs })
    this.#claim = new ServerClaim(front, back.agreements, clock, maxStaleMs)
    this.#stopListening = front.onSession((session) => this.#onSession(session))
    this.#onSession(front.session)
  }

  /** What proves that the front may be read now; undefined: it may not. Costs a comparison, no round trip. */
  get certificate(): Certificate | undefined {
    const certificate = this.#certificate
    if (certificate === undefined || certificate.session !== this.#options.front.session) return undefined
    return this.#options.clock.monotonic() < certificate.validUntil ? certificate : undefined
  }

  /** Why the front is not read; undefined: it is. */
  get bypassed(): BypassReason | undefined {
    return this.certificate === undefined ? (this.#options.state.bypassed ?? 'behind') : undefined
  }

  /** What the back tier said last about the front. */
  get agreed(): Sample | undefined {
    return this.#sampler.latest
  }

  /** Since when, in milliseconds, this process knows that the agreement is what it was in `term`; 0: it is not. */
  ageOf(term: number): number {
    return this.#sampler.ageOf(term)
  }

  /** Whether the front has answered what this process asked it after `time`, in monotonic milliseconds, and still could. */
  hasAnsweredSince(time: number): boolean {
    return this.#options.front.session !== undefined && this.#lookedAt >= time
  }

  /** Nobody reads from the front from Δ after this resolved, until it can be reached again. Never throws. */
  async suspend(): Promise<void> {
    const { back, front } = this.#options
    try {
      const { agreement } = await this.#sampler.take()
      if (agreement.suspended) return
      await back.agreements.change(front.agreedAs, agreement.term, { suspended: true })
      await this.#sampler.take()
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.state.fail('follow', error)
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#stopListening()
    this.#cancelTurn()
    this.#sampler.close()
    await this.#turn
  }

  #onSession(session: FrontSession | undefined): void {
    this.#sessionSince = this.#options.clock.monotonic()
    this.#claim.renew(session)
    this.#lagged = undefined
    this.#failures = 0
    if (session === undefined) {
      this.#checked = undefined
      this.#bypass('unreachable')
    }
    this.#soon(0)
  }

  #soon(delayMs: number): void {
    this.#cancelTurn()
    if (this.#stop.signal.aborted) return
    this.#cancelTurn = this.#options.clock.schedule(delayMs, () => this.#start())
  }

  #start(): void {
    if (this.#turn !== undefined) {
      this.#again = true
      return
    }
    this.#again = false
    this.#turn = this.#run().then((due) => {
      this.#turn = undefined
      this.#soon(this.#again || due === 'now' ? 0 : this.#pauseBefore(due))
    })
  }

  #pauseBefore(next: Next): number {
    const { maxStaleMs, random } = this.#options
    if (next === 'soon') return RETRY_MS * (0.5 + random())
    const lasting = Math.min(maxStaleMs, this.agreed?.agreement.maxStaleMs || maxStaleMs)
    // Spread, so that the processes of a fleet do not all look at the same time.
    const pause = this.certificate === undefined ? Math.min(lasting / LOOKS, UNPROVEN_MS) : lasting / LOOKS
    const usual = pause * (1 + 0.15 * random())
    return this.#failures < 2 ? usual : Math.max(usual, Math.min(usual * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS))
  }

  /** One turn. Never throws. */
  async #run(): Promise<Next> {
    const { front, state } = this.#options
    try {
      const before = await this.#sampler.take()
      const look = await front.look()
      this.#lookedAt = before.at
      const next = await this.#settle(look, before, await this.#sampler.take())
      this.#failures = 0
      return next
    } catch (error) {
      if (this.#stop.signal.aborted) return 'usual'
      if (error instanceof TidemarkError && error.code === 'CLOSED') return 'usual'
      this.#failures++
      state.fail('follow', error)
      if (this.certificate === undefined)
        this.#bypass(front.session === undefined ? 'unreachable' : 'behind', asError(error))
      return 'usual'
    }
  }

  async #settle(look: FrontLook, before: Sample, after: Sample): Promise<Next> {
    const { front, state } = this.#options
    // The data went back in time under a connection that lives on: a primary that was made a replica, say.
    if ((look.watermark ?? 0) < (this.#certificate?.includes ?? 0)) this.#certificate = undefined
    const agreed = await this.#claim.assert(look.session, after)
    if (agreed === undefined) {
      this.#bypass('displaced')
      return 'usual'
    }
    const now = agreed === after ? after : await this.#sampler.take()
    const reason = diagnose(look, before, now) ?? (await this.#divergence(look))
    if (reason !== undefined) return this.#startAnew(reason, look.session, now)
    let watermark: number | undefined = look.watermark!
    if (watermark < now.head && this.#isMyTurn(look)) {
      try {
        watermark = await this.#replay(now.head, watermark)
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error
        return this.#startAnew('compacted', look.session, now)
      }
      if (watermark === undefined) return 'soon'
    }
    this.#lagged = watermark < now.head ? watermark : undefined
    await settleWait(front.agreedAs, now.agreement, this.ageOf(now.agreement.term), this.#options.back.agreements)
    if (now.agreement.suspended) return this.#resume(now, watermark)
    if (front.session === look.session) this.#certify(look.session, watermark)
    if (this.certificate === undefined) this.#bypass('behind')
    else state.serve()
    return 'usual'
  }

  /** One process at a time replays: who did it last, or, where the watermark has not moved since the last look, anybody. */
  #isMyTurn({ tailer, watermark }: FrontLook): boolean {
    return tailer === '' || tailer === this.#options.back.origin || watermark === this.#lagged
  }

  #replay(head: number, watermark: number): Promise<number | undefined> {
    const { back, front } = this.#options
    return tailTo(head, watermark, { log: back.log, front, tailer: back.origin, signal: this.#stop.signal })
  }

  #certify(session: FrontSession, watermark: number): void {
    const { maxStaleMs, required } = this.#options
    const sample = this.#sampler.coveredBy(
      watermark,
      this.#sessionSince,
      (agreed) =>
        agreed.epoch === session.epoch &&
        agreed.server === session.server &&
        !agreed.suspended &&
        agreed.maxStaleMs > 0,
    )
    if (sample === undefined) return
    // Of this sample, and not of a later one: writers that had committed by then wait no longer than that was.
    const validUntil = sample.at + Math.min(maxStaleMs, sample.agreement.maxStaleMs)
    const before = this.certificate
    this.#certificate = { session, includes: sample.head, validUntil }
    required.certify(sample.head)
    if (before !== undefined) this.#options.onProven(before.includes, sample.head)
  }

  /** Once per contact with a server: whether its watermark, and what it took last, are positions in this history of the log. */
  async #divergence({ session, watermark, mark, highest }: FrontLook): Promise<StartReason | undefined> {
    if (this.#checked === session.server) return undefined
    const { log } = this.#options.back
    if (await isElsewhere(log, watermark!, mark)) return 'diverged'
    if (highest !== undefined && (await isElsewhere(log, highest.seq, highest.mark))) return 'diverged'
    this.#checked = session.server
    return undefined
  }

  async #startAnew(reason: StartReason, seen: FrontSession, { agreement }: Sample): Promise<Next> {
    const { front, events } = this.#options
    const onStart = (): void => this.#bypass('starting')
    if (!(await startAnew({ ...this.#options, onStart }, seen, agreement))) {
      if (this.certificate === undefined) this.#bypass('starting')
      return 'soon'
    }
    events.emit({ type: 'front-started', tier: front.name, reason })
    return 'now'
  }

  /** The front can be reached and has seen everything: it is read again. */
  async #resume({ agreement, head }: Sample, watermark: number): Promise<Next> {
    const { back, front } = this.#options
    this.#bypass('suspended')
    const { term } = agreement
    if (watermark < head || !this.#sampler.maySuspensionEnd) return 'usual'
    await back.agreements.change(front.agreedAs, term, { suspended: false })
    return 'now'
  }

  /** From now on, and not only when the certificate has run out. */
  #bypass(reason: BypassReason, error?: Error): void {
    if (this.#stop.signal.aborted) return
    this.#certificate = undefined
    this.#options.state.bypass(reason, error)
  }
}
