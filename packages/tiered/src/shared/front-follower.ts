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
import { KnownTerm } from './known-term.ts'
import { isElsewhere, markAt } from './mark.ts'
import type { RequiredVersions } from './required-versions.ts'
import { type Sample, Samples } from './samples.ts'
import { ServerClaim } from './server-claim.ts'
import { tailTo } from './tail.ts'

/** Of Δ: how often the front is looked at, and the back tier sampled in between. */
const LOOKS = 3
const SAMPLES = 12
/** After a start that somebody else got in the way of. */
const RETRY_MS = 20
/** How long a front that was suspended stays so at least: its writers and its readers may see different parts of a network. */
const SUSPENDED_MS = 1_000

export interface FrontFollowerOptions {
  readonly front: SharedFront
  readonly back: Back
  readonly clock: Clock
  readonly random: () => number
  readonly events: TierEvents
  readonly required: RequiredVersions
  /** Δ: see TieredOptions.frontMaxStaleMs. */
  readonly maxStaleMs: number
}

/**
 * Keeps a shared front in step with the log, and the proof that it is. A turn every Δ/3: sample the back tier, look at
 * the front; start it anew, or replay into it what it has not seen, where that is needed; then certify what it covers.
 * Every process does this; one of them at a time does the replaying, for economy only.
 */
export class FrontFollower {
  readonly #options: FrontFollowerOptions
  readonly #samples: Samples
  readonly #known: KnownTerm
  readonly #claim: ServerClaim
  readonly #stop = new AbortController()
  readonly #stopListening: () => void
  #certificate: Certificate | undefined
  #bypassed: BypassReason | undefined = 'unreachable'
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
  #again = false
  #cancelTurn: () => void = () => {}
  #cancelSample: () => void = () => {}

  constructor(options: FrontFollowerOptions) {
    const { front, back, clock, maxStaleMs } = options
    this.#options = options
    this.#samples = new Samples(2 * maxStaleMs)
    this.#known = new KnownTerm(clock)
    this.#claim = new ServerClaim(front, back.agreements, clock, maxStaleMs)
    this.#stopListening = front.onSession((session) => this.#onSession(session))
    this.#onSession(front.session)
    this.#sampleOften()
  }

  /** What proves that the front may be read now; undefined: it may not. Costs a comparison, no round trip. */
  get certificate(): Certificate | undefined {
    const certificate = this.#certificate
    if (certificate === undefined || certificate.session !== this.#options.front.session) return undefined
    return this.#options.clock.monotonic() < certificate.validUntil ? certificate : undefined
  }

  /** Why the front is not read; undefined: it is. */
  get bypassed(): BypassReason | undefined {
    return this.certificate === undefined ? (this.#bypassed ?? 'behind') : undefined
  }

  /** What the back tier said last about the front. */
  get agreed(): Sample | undefined {
    return this.#samples.latest
  }

  /** Since when, in milliseconds, this process knows that the agreement is what it was in `term`; 0: it is not. */
  ageOf(term: number): number {
    this.#known.learn(term)
    return this.#known.ageOf(term)
  }

  /** Nobody reads from the front from Δ after this resolved, until it can be reached again. Never throws. */
  async suspend(): Promise<void> {
    const { back, front } = this.#options
    try {
      const { agreement } = await this.#sample()
      if (agreement.suspended) return
      await back.agreements.change(front.name, agreement.term, { suspended: true })
      await this.#sample()
    } catch (error) {
      this.#report(error)
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#stopListening()
    this.#cancelTurn()
    this.#cancelSample()
    await this.#turn
  }

  #onSession(session: FrontSession | undefined): void {
    this.#sessionSince = this.#options.clock.monotonic()
    this.#claim.renew(session)
    this.#lagged = undefined
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
    const { maxStaleMs, random } = this.#options
    this.#again = false
    this.#turn = this.#run().then((again) => {
      this.#turn = undefined
      const lasting = Math.min(maxStaleMs, this.agreed?.agreement.maxStaleMs || maxStaleMs)
      // Spread, so that the processes of a fleet do not all look at the same time.
      const pause = (lasting / LOOKS) * (0.85 + 0.15 * random())
      this.#soon(this.#again ? 0 : again === 'soon' ? RETRY_MS * (0.5 + random()) : pause)
    })
  }

  /** One turn. Never throws. */
  async #run(): Promise<'soon' | undefined> {
    const { front } = this.#options
    try {
      const before = await this.#sample()
      const look = await front.look()
      const settled = await this.#settle(look, before, await this.#sample())
      if (settled === 'soon') return 'soon'
      if (this.certificate !== undefined) this.#serve()
      else if (settled === undefined) this.#bypass('behind')
      return undefined
    } catch (error) {
      if (this.#stop.signal.aborted) return undefined
      if (error instanceof TidemarkError && error.code === 'CLOSED') return undefined
      this.#report(error)
      if (this.certificate === undefined)
        this.#bypass(front.session === undefined ? 'unreachable' : 'behind', asError(error))
      return undefined
    }
  }

  async #settle(look: FrontLook, before: Sample, after: Sample): Promise<'soon' | 'done' | undefined> {
    const { front } = this.#options
    const agreed = await this.#claim.assert(look.session, after)
    if (agreed === undefined) {
      this.#bypass('displaced')
      return 'done'
    }
    const now = agreed === after ? after : await this.#sample()
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
    if (now.agreement.suspended) return this.#resume(now, watermark)
    if (front.session === look.session) this.#certify(look.session, watermark)
    return undefined
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
    const sample = this.#samples.coveredBy(
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
    this.#certificate = { session, includes: sample.head, validUntil }
    required.certify(sample.head)
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

  /** Nothing that the front holds counts from here on. */
  async #startAnew(reason: StartReason, { server }: FrontSession, { agreement }: Sample): Promise<'soon'> {
    const { front, back, events, random } = this.#options
    this.#bypass('starting')
    const epoch = Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
    const isMine = await front
      .initialize(async () => {
        const next = { epoch, server, suspended: false }
        const agreed = await back.agreements.change(front.name, agreement.term, next)
        // Never with an epoch of somebody else: it may have been started, and stopped, already.
        if (agreed.agreement.epoch !== epoch) throw new Superseded()
        return { epoch, head: agreed.head, mark: await markAt(back.log, agreed.head) }
      })
      .catch((error: unknown) => {
        if (error instanceof Superseded) return false
        throw error
      })
    if (isMine) events.emit({ type: 'front-started', tier: front.name, reason })
    return 'soon'
  }

  /** The front can be reached and has seen everything: it is read again. */
  async #resume({ agreement, head }: Sample, watermark: number): Promise<'soon' | 'done'> {
    const { back, front } = this.#options
    this.#bypass('suspended')
    if (watermark < head || this.ageOf(agreement.term) < SUSPENDED_MS) return 'done'
    await back.agreements.change(front.name, agreement.term, { suspended: false })
    return 'soon'
  }

  async #sample(): Promise<Sample> {
    const { back, front, clock } = this.#options
    const at = clock.monotonic()
    const answer = back.agreements.sample(front.name)
    const sample: Sample = { at, ...(answer instanceof Promise ? await answer : answer) }
    this.#known.learn(sample.agreement.term)
    this.#samples.add(sample)
    return sample
  }

  /** More often than the front is looked at, where it costs next to nothing: a watermark then proves more. */
  #sampleOften(): void {
    const { clock, maxStaleMs } = this.#options
    this.#cancelSample = clock.schedule(maxStaleMs / SAMPLES, () => {
      if (this.#stop.signal.aborted) return
      void this.#sample().catch(() => undefined)
      this.#sampleOften()
    })
  }

  #serve(): void {
    if (this.#bypassed === undefined) return
    this.#bypassed = undefined
    this.#options.events.emit({ type: 'front-serving', tier: this.#options.front.name })
  }

  #bypass(reason: BypassReason, error?: Error): void {
    if (this.#bypassed === reason || this.#stop.signal.aborted) return
    this.#bypassed = reason
    this.#options.events.emit({ type: 'front-bypassed', tier: this.#options.front.name, reason, error })
  }

  #report(error: unknown): void {
    const { front, events } = this.#options
    if (this.#stop.signal.aborted) return
    events.emit({ type: 'front-failed', tier: front.name, call: 'follow', error: asError(error) })
  }
}

/** Another process started the front meanwhile. */
class Superseded extends Error {}
