import {
  afterTurn,
  Batcher,
  type Fill,
  type Found,
  type NearFront,
  oneOf,
  type ReadBounds,
  type StoreKey,
  TidemarkError,
  versionOf,
} from '@tidemark/core'
import { BackReads } from './back-reads.ts'
import type { Flights } from './flights.ts'
import type { NearFollower } from './near-follower.ts'
import { type Answers, OneMoment } from './one-moment.ts'
import { minVersionOf, type ResolvedOptions, readPolicyOf, type TieredReadOptions } from './options.ts'
import type { ReadPolicy } from './policies.ts'
import type { FrontLink } from './shared/front-link.ts'
import { type AnswerCount, Tally, type TierCounters } from './tier-stats.ts'
import { readingError, UnreadableRecords } from './unreadable-records.ts'

/**
 * A turn that asks for more single keys than this is read in several batches, the first of which leave before the turn
 * ends: the server works on them meanwhile. With 128 callers a sixth faster than one batch per turn; smaller batches cost
 * more than they gain.
 */
const EARLY = 64

/** Near front, then the shared fronts, then the back tier; what is found fills every front above. */
export class ReadPath {
  readonly #options: ResolvedOptions
  readonly #links: readonly FrontLink[]
  readonly #follower: NearFollower | undefined
  readonly #flights: Flights
  readonly #counters: TierCounters
  readonly #nearHits: { hits: number }
  readonly #moment: OneMoment
  readonly #backReads = new BackReads()
  /** Told which keys the back tier is asked for. */
  onBackRead: ((keys: readonly StoreKey[]) => void) | undefined
  /** Reads of single keys, by policy: those of one turn travel together. */
  readonly #batchers: Record<ReadPolicy, Batcher<StoreKey, Found>>

  constructor(
    options: ResolvedOptions,
    links: readonly FrontLink[],
    follower: NearFollower | undefined,
    flights: Flights,
    counters: TierCounters,
  ) {
    this.#options = options
    this.#links = links
    this.#follower = follower
    this.#flights = flights
    this.#counters = counters
    this.#nearHits = counters.of(options.near?.name ?? 'near')
    this.#moment = new OneMoment(options.back, options.near)
    // Without a near front nothing tells that a flight is outdated: only what has not left yet is shared.
    const identityOf = follower === undefined ? (key: StoreKey): string => key.id : undefined
    const batcher = (policy: ReadPolicy): Batcher<StoreKey, Found> => {
      const how = { policy, count: counters }
      return new Batcher({ run: (keys) => this.#readBelow(keys, how), maxItems: EARLY, identityOf })
    }
    this.#batchers = { 'frontend-first': batcher('frontend-first'), 'frontend-only': batcher('frontend-only') }
  }

  readOne(key: StoreKey, options: TieredReadOptions | undefined): Found | Promise<Found> {
    if (options?.minVersion !== undefined) return this.read([key], options).then((found) => found[0]!)
    const policy = readPolicyOf(options?.readPolicy, this.#options.readPolicy)
    if (isLinearizable(options)) return this.#linearizable(key)
    const follower = this.#follower
    if (follower === undefined) return this.#fly(key, policy)
    if (!follower.isFresh()) return follower.verified().then(() => this.#hit(key) ?? this.#fly(key, policy))
    return this.#hit(key) ?? this.#fly(key, policy)
  }

  /** Of several keys, the answers are those of one moment, but for `frontend-only`: see {@link OneMoment}. */
  async read(
    keys: readonly StoreKey[],
    options: (TieredReadOptions & ReadBounds) | undefined,
  ): Promise<readonly Found[]> {
    const policy = readPolicyOf(options?.readPolicy, this.#options.readPolicy)
    const minVersion = minVersionOf(options?.minVersion)
    const including = policy === 'frontend-only' ? 0 : (options?.including ?? 0)
    if (isLinearizable(options) || including === Infinity) {
      const found = this.#noted(keys, await this.#options.back.read(keys))
      this.#assertWritten(found, minVersion)
      return found
    }
    if (this.#follower?.isFresh() === false) await this.#follower.verified()
    const { epoch } = this.#options.back.log.identity
    const { near } = this.#options
    const nearAt = near?.watermark ?? 0
    const needed = Math.max(minVersion, including)
    const proven = new Map<string, number>()
    const count = new Tally()
    const how = { policy, minVersion: needed, count, proven }
    const found = await (near === undefined ? this.#readBelow(keys, how) : this.#gather(near, keys, how))
    if (policy !== 'frontend-only') {
      if (minVersion > 0) this.#assertWritten(found, minVersion)
      const answers = { keys, found, nearAt, proven, epoch }
      const isOne = this.#moment.holds(answers)
      if (isOne !== true && !(await isOne)) return this.#readAnew(answers, minVersion)
    }
    count.addTo(this.#counters)
    return found
  }

  /** Each from the nearest tier that has it. */
  async #gather(near: NearFront, keys: readonly StoreKey[], how: Reading): Promise<readonly Found[]> {
    const { policy, minVersion = 0, count } = how
    const isKnown = near.watermark >= minVersion
    const answers = keys.map((key) => {
      const found = near.peek(key.id)
      return found === undefined || isKnown || versionOf(found) >= minVersion ? found : undefined
    })
    const missing = keys.filter((_, i) => answers[i] === undefined)
    count.add(near.name, keys.length - missing.length)
    if (missing.length === 0) return answers as readonly Found[]
    // What is under way may have been asked for before the version was written; unless near memory has met that: then it has
    // ended the flights of what was written until then, and its fences refuse what they bring that is older.
    const mayJoin = minVersion === 0 || (isKnown && policy === 'frontend-first')
    const reading = mayJoin ? this.#flyMany(missing, { policy, count }) : this.#readBelow(missing, how)
    const below = (await reading).values()
    return answers.map((answer) => answer ?? (below.next().value as Found))
  }

  /** All of them, from one snapshot. The fronts get what they did not have. */
  async #readAnew({ keys, found: gathered }: Answers, minVersion: number): Promise<readonly Found[]> {
    const { back, near, negativeEntries } = this.#options
    this.onBackRead?.(keys)
    const found = this.#noted(keys, await back.read(keys))
    this.#assertWritten(found, minVersion)
    this.#counters.add(back.name, keys.length)
    const fills: Fill[] = []
    for (const [i, key] of keys.entries()) {
      const answer = found[i]!
      if (answer.entry?.version === gathered[i]!.entry?.version) continue
      if (answer.entry === undefined && !negativeEntries) continue
      const fill = { key, found: answer, asOf: answer.asOf }
      near?.fillNow(fill)
      fills.push(fill)
    }
    for (const link of this.#links) void link.offer(fills)
    return found
  }

  #assertWritten(found: readonly Found[], minVersion: number): void {
    const { name } = this.#options.back
    // Whatever a front has answered is new enough: what it cannot tell, the back tier is asked.
    for (const { asOf, tier } of found)
      if (tier === name && asOf < minVersion) throw notYetWritten(minVersion, asOf, name)
  }

  #linearizable(key: StoreKey): Found | Promise<Found> {
    const found = this.#options.back.readOne(key)
    if (found instanceof Promise) return found.then((answer) => this.#noted([key], [answer])[0]!)
    this.#noted([key], [found])
    return found
  }

  /** What the back tier has told is not read as something older from a front afterwards. */
  #noted(keys: readonly StoreKey[], found: readonly Found[]): readonly Found[] {
    for (const link of this.#links) link.note(keys, found)
    for (const { asOf } of found) this.#follower?.saw(asOf)
    return found
  }

  /** What else the back tier has told of these keys. */
  note(keys: readonly StoreKey[], found: readonly Found[]): void {
    this.#noted(keys, found)
  }

  #hit(key: StoreKey): Found | undefined {
    const found = this.#options.near?.peek(key.id)
    if (found !== undefined) this.#nearHits.hits++
    return found
  }

  /** One read per key at a time. */
  #fly(key: StoreKey, policy: ReadPolicy): Promise<Found> {
    if (policy === 'frontend-only' || this.#follower === undefined) return this.#batchers[policy].add(key)
    const underWay = this.#flights.join(key.id)
    if (underWay !== undefined) return underWay
    const flight = this.#batchers[policy].add(key)
    this.#flights.startOne(key, flight)
    return flight
  }

  /** As {@link #fly}: waits for what is under way, and reads the rest together. */
  async #flyMany(keys: readonly StoreKey[], how: Reading): Promise<readonly Found[]> {
    if (how.policy === 'frontend-only') return this.#readBelow(keys, how)
    const joined = keys.map((key) => this.#flights.join(key.id))
    const rest = keys.filter((_, i) => joined[i] === undefined)
    const reading = rest.length > 0 ? this.#readBelow(rest, how) : Promise.resolve([])
    this.#flights.startMany(rest, reading)
    // All at once: whichever fails first must not leave the others without a handler.
    const [read, ...found] = await Promise.all([reading, ...joined])
    const below = read.values()
    return found.map((answer) => answer ?? (below.next().value as Found))
  }

  /** The shared fronts, then the back tier. */
  async #readBelow(
    keys: readonly StoreKey[],
    { policy, minVersion = 0, count, proven }: Reading,
  ): Promise<readonly Found[]> {
    const { near } = this.#options
    const began = this.#backReads.latest
    const answers: (Found | undefined)[] = keys.map(() => undefined)
    let unreadable: UnreadableRecords<FrontLink> | undefined
    let missing = keys.map((_, i) => i)
    for (const [depth, link] of this.#links.entries()) {
      if (missing.length === 0) break
      const { found, includes } = await link.read(missing.map((i) => keys[i]!))
      proven?.set(link.name, includes)
      const fills: Fill[] = []
      let hits = 0
      missing = missing.filter((i, n) => {
        const hit = found[n]
        if (hit === undefined) return true
        if (readingError(hit) !== undefined) {
          unreadable ??= new UnreadableRecords()
          unreadable.note(link, keys[i]!)
          return true
        }
        if (minVersion > includes && minVersion > versionOf(hit)) return true
        answers[i] = hit
        hits++
        if (near === undefined && depth === 0) return false
        // Near memory keeps what it includes, and so may whoever joins this flight: neither is told otherwise.
        if (near !== undefined && hit.asOf < includes) answers[i] = { ...hit, asOf: includes }
        const fill = { key: keys[i]!, found: answers[i]!, asOf: includes }
        // The near front has seen a newer change than this front has: the answer is outdated, not only the fill.
        if (near?.fillNow(fill) === 'fenced') {
          answers[i] = undefined
          hits--
          return true
        }
        fills.push(fill)
        return false
      })
      count.add(link.name, hits)
      if (depth === 0 || fills.length === 0) continue
      const filled = fills.map(({ key }) => key)
      for (const above of this.#links.slice(0, depth)) void above.offer(fills, unreadable?.of(above, filled))
    }
    if (missing.length > 0 && policy === 'frontend-first') {
      await this.#readBack(keys, missing, answers, { began, unreadable, count })
      return answers as readonly Found[]
    }
    return answers.map((answer) => answer ?? NOT_HELD)
  }

  async #readBack(
    keys: readonly StoreKey[],
    missing: readonly number[],
    answers: (Found | undefined)[],
    { began, unreadable, count }: PartialRead,
  ): Promise<void> {
    const { back, near, negativeEntries } = this.#options
    const joined = missing.map((i) => this.#backReads.join(keys[i]!.id, began))
    const rest = missing.filter((_, n) => joined[n] === undefined)
    const wanted = rest.map((i) => keys[i]!)
    if (rest.length > 0) this.onBackRead?.(wanted)
    const [asked, landed] = rest.length > 0 ? this.#backReads.start(wanted, () => back.read(wanted)) : NONE_ASKED
    const filled: Promise<void>[] = []
    try {
      // All at once: whichever fails first must not leave the others without a handler.
      const [found, ...others] = await Promise.all([asked, ...joined])
      this.#noted(wanted, found)
      const own = found.values()
      const fills: Fill[] = []
      const replaced: StoreKey[] = []
      for (const [n, i] of missing.entries()) {
        const answer = others[n] ?? (own.next().value as Found)
        answers[i] = answer
        const key = keys[i]!
        // What the back tier has is as unreadable here: whoever can read it is left what the front has.
        const isReplaced = unreadable?.has(key) === true && readingError(answer) === undefined
        if (isReplaced) replaced.push(key)
        if (answer.entry === undefined && !negativeEntries) continue
        const fill = { key, found: answer, asOf: answer.asOf }
        near?.fillNow(fill)
        // Whoever asked for it fills the shared fronts, unless he has not seen what stands in the way.
        if (others[n] === undefined || isReplaced) fills.push(fill)
      }
      count.add(back.name, wanted.length)
      for (const link of this.#links) filled.push(link.offer(fills, unreadable?.of(link, replaced)))
    } finally {
      // Readers that the fill came too late for have been answered before it was: they get their turn.
      void Promise.all(filled).then(() => afterTurn(landed))
    }
  }
}

/** How keys are read. */
interface Reading {
  readonly policy: ReadPolicy
  /** @default 0 */
  readonly minVersion?: number
  readonly count: AnswerCount
  /** Gets what answers include that do not say so: see {@link Answers}. */
  readonly proven?: Map<string, number>
}

/** A read that the shared fronts have not answered in full. */
interface PartialRead {
  readonly count: AnswerCount
  /** See {@link BackReads.join}. */
  readonly began: number
  /** undefined: all that they hold can be read. */
  readonly unreadable: UnreadableRecords<FrontLink> | undefined
}

const NONE_ASKED = [Promise.resolve<readonly Found[]>([]), () => {}] as const

/** What `frontend-only` answers when no front knows: absent, as far as the fronts can tell. */
const NOT_HELD: Found = Object.freeze({ entry: undefined, asOf: 0, until: 0, tier: 'none' })

function notYetWritten(minVersion: number, head: number, tier: string): TidemarkError {
  return new TidemarkError(
    'LOG_AHEAD',
    `minVersion ${minVersion} lies past the head of the log, ${head}: it is of another store`,
    { tier },
  )
}

const CONSISTENCIES = ['tiered', 'linearizable'] as const

function isLinearizable(options: TieredReadOptions | undefined): boolean {
  const consistency = options?.consistency
  return consistency !== undefined && oneOf('option consistency', consistency, CONSISTENCIES) === 'linearizable'
}
