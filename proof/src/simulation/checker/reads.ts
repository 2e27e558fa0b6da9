import type { CommitEvent, History, ReadEvent } from '../history.ts'
import { BACK_MS, type Plan, processPlan } from '../plan.ts'
import type { Standing, Timeline } from './timeline.ts'
import type { Violation } from './violation.ts'

/** Things at the same virtual time are told apart by less than this. */
const EPSILON_MS = 0.01

interface Known {
  readonly at: number
  readonly seq: number
}

export interface ReadCheckOptions {
  readonly plan: Plan
  /** Since when what the servers knew may be gone, or two of them may be in use. Until the end, to be on the safe side. */
  readonly forgetsSince: number
}

/** Every read on its own and against what its process knew. Versions give the order, so this is a sweep. */
export class ReadCheck {
  readonly violations: Violation[] = []
  /** Reads during which, or shortly before which, their key was written, or anything failed. */
  atRisk = 0
  hits = 0
  readonly #timeline: Timeline
  readonly #options: ReadCheckOptions
  /** By process and key: what it has written and read, in the order in which it came to know. */
  readonly #written = new Map<string, Known[]>()
  readonly #seen = new Map<string, Known[]>()
  readonly #halts: { readonly process: string; readonly at: number; readonly until: number }[] = []
  #lastFault = -Infinity

  constructor(timeline: Timeline, options: ReadCheckOptions) {
    this.#timeline = timeline
    this.#options = options
  }

  run({ events }: History): void {
    for (const event of events) {
      const name = 'key' in event ? `${event.process} ${event.key}` : ''
      if (event.type === 'fault') {
        this.#lastFault = event.at
        if (event.halts !== undefined) this.#halts.push({ at: event.at, ...event.halts })
      }
      if (event.type === 'write' && event.version !== undefined) {
        note(this.#written, name, { at: event.returnedAt, seq: event.version })
      }
      if (event.type !== 'read') continue
      if (event.isSeen && event.version === undefined) {
        this.#checkAbsence(event, name)
        continue
      }
      const standing = this.#timeline.standingOf(event)
      if (standing === undefined) {
        this.#add('integrity', 'it answers what was never written', event)
        continue
      }
      this.#check(event, standing, name)
      note(this.#seen, name, { at: event.returnedAt, seq: event.version ?? standing.from })
    }
  }

  #check(read: ReadEvent, standing: Standing, name: string): void {
    const { invokedAt, tier } = read
    if (tier === 'front') this.hits++
    const last = this.#timeline.of(read.key).findLast(({ at }) => at <= read.returnedAt)
    const riskySince = invokedAt - read.maxStaleMs
    if ((last?.at ?? -Infinity) > riskySince || this.#lastFault > riskySince) this.atRisk++
    for (const replacedBy of standing.replacedBy) this.#checkReplaced(read, replacedBy, name)
  }

  #checkReplaced(read: ReadEvent, replacedBy: CommitEvent, name: string): void {
    const { invokedAt, tier } = read
    const age = invokedAt - replacedBy.at
    const bound = this.#boundOf(read)
    if (age > bound + EPSILON_MS) {
      this.#add(
        'stale-beyond-bound',
        `${replacedBy.seq} had replaced it ${age.toFixed(1)} ms before: bound ${bound}`,
        read,
      )
    }
    const onArrival = read.returnedAt - replacedBy.at
    if (tier === 'front' && !read.linearizable && onArrival > bound + this.#longestBeside(read) + EPSILON_MS) {
      this.#add('stale-on-arrival', `${replacedBy.seq} had replaced it ${onArrival.toFixed(1)} ms before it came`, read)
    }
    if (this.#wasSettled(read, replacedBy)) {
      this.#add('stale-after-ack', `${replacedBy.seq} had replaced it, and was acknowledged`, read)
    }
    if (replacedBy.seq <= read.minVersion) this.#add('min-version', `${replacedBy.seq} had replaced it`, read)
    // Of a tag that was invalidated, what the process knew of the tag.
    const about = replacedBy.key === read.key ? name : `${read.process} ${replacedBy.key}`
    for (const [known, invariant] of [
      [this.#written, 'read-your-writes'],
      [this.#seen, 'monotonic-reads'],
    ] as const) {
      const newest = newestBefore(known.get(about), invokedAt)
      if (replacedBy.seq <= newest) this.#add(invariant, `its process knew of ${newest} already`, read)
    }
  }

  /** There has to have been nothing, at a time that the read may show. */
  #checkAbsence(read: ReadEvent, name: string): void {
    const { key, invokedAt, returnedAt } = read
    const absences = this.#timeline.absencesOf(key)
    const wasAbsentSince = (at: number): boolean =>
      absences.some(({ since, until }) => since <= returnedAt && until > at)
    const bound = this.#boundOf(read)
    if (!wasAbsentSince(invokedAt - bound - EPSILON_MS)) {
      return this.#add('stale-beyond-bound', `it was there throughout: bound ${bound}`, read)
    }
    for (const change of this.#timeline.of(key)) {
      if (wasAbsentSince(change.at)) continue
      if (this.#wasSettled(read, change)) this.#add('stale-after-ack', `${change.seq} was acknowledged`, read)
      if (change.seq <= newestBefore(this.#written.get(name), invokedAt)) {
        this.#add('read-your-writes', `its process had written ${change.seq}`, read)
      }
      if (change.seq <= newestBefore(this.#seen.get(name), invokedAt)) {
        this.#add('monotonic-reads', `its process had seen ${change.seq}`, read)
      }
    }
  }

  #boundOf({ linearizable, tier, isSeen, maxStaleMs, nearMaxStaleMs }: ReadEvent): number {
    if (linearizable) return 0
    // A read may join one that was under way already, for as long as near memory goes on unasked.
    if (tier !== 'front' && !isSeen) return nearMaxStaleMs
    return Math.max(maxStaleMs, nearMaxStaleMs)
  }

  /**
   * How long an answer of a shared front may wait for those that were asked for with it: for a read of the back tier. A
   * process that stands still meanwhile waits for longer, and one that joins a read of near memory's began later.
   */
  #longestBeside({ process, invokedAt, returnedAt }: ReadEvent): number {
    const { plan } = this.#options
    const { slowBackRate, nearMaxStaleMs } = processPlan(plan, process)
    const stood = this.#halts.some(
      (each) => each.process === process && each.at <= returnedAt && each.until >= invokedAt,
    )
    if (stood || nearMaxStaleMs !== undefined) return Infinity
    return slowBackRate > 0 ? 2 * plan.maxStaleMs : 2 * BACK_MS
  }

  /** Whether nobody may have read the former state any more when the read began. */
  #wasSettled({ invokedAt, nearMaxStaleMs }: ReadEvent, { seq }: CommitEvent): boolean {
    const acknowledged = this.#timeline.acknowledgementOf(seq)
    if (acknowledged === undefined || acknowledged.at >= invokedAt || nearMaxStaleMs > 0) return false
    if (acknowledged.ack === 'strict') return true
    // Told is told, unless what was told can be forgotten, or somebody may be reading elsewhere.
    return acknowledged.applied && invokedAt < this.#options.forgetsSince
  }

  #add(invariant: Violation['invariant'], what: string, event: ReadEvent): void {
    this.violations.push({ invariant, what, event })
  }
}

function note(known: Map<string, Known[]>, name: string, news: Known): void {
  const list = known.get(name)
  if (list === undefined) known.set(name, [news])
  else list.push({ at: news.at, seq: Math.max(news.seq, list.at(-1)!.seq) })
}

function newestBefore(known: readonly Known[] | undefined, at: number): number {
  return known?.findLast((each) => each.at < at)?.seq ?? 0
}
