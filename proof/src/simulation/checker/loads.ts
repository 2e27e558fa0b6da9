import type { FaultEvent, History, LoadEvent, LoaderEvent } from '../history.ts'
import { type Plan, processPlan } from '../plan.ts'
import { LoaderFailure } from '../loader-failure.ts'
import { tagsOfValue } from '../values.ts'
import type { Timeline } from './timeline.ts'
import type { Violation } from './violation.ts'

/** From a lease to the loader, and from what it brought to its commit, where no back tier is slow. */
const NEXT_TO_LOADER_MS = 50
/** What else than a lease a call may have to wait for: tiers that are slow, acknowledgements. */
const BESIDE_LEASES_MS = 3_000
const EPSILON_MS = 0.01

/** The promises of `getOrSet`, from the runs of the loaders and the calls. */
export function checkLoads(history: History, timeline: Timeline, plan: Plan): readonly Violation[] {
  const { events } = history
  const runs = events.filter((event) => event.type === 'loader')
  if (runs.length === 0) return []
  const check = new LoadCheck(runs, history, timeline, plan)
  check.stored()
  check.alone()
  for (const call of events) if (call.type === 'load') check.call(call)
  return check.violations
}

class LoadCheck {
  readonly violations: Violation[] = []
  readonly #runs: readonly LoaderEvent[]
  readonly #events: History['events']
  readonly #timeline: Timeline
  readonly #plan: Plan
  readonly #faults: readonly FaultEvent[]

  constructor(runs: readonly LoaderEvent[], { events }: History, timeline: Timeline, plan: Plan) {
    this.#runs = runs
    this.#events = events
    this.#timeline = timeline
    this.#plan = plan
    this.#faults = events.filter((event) => event.type === 'fault')
  }

  /** Between the call of the loader and the commit of what it brought, nobody wrote the key or invalidated its tags. */
  stored(): void {
    for (const run of this.#runs) {
      const commit = run.value !== undefined && this.#timeline.of(run.key).find(({ value }) => value === run.value)
      if (!commit) continue
      for (const about of [run.key, ...tagsOfValue(run.value).map((tag) => `#${tag}`)]) {
        const between = this.#timeline.of(about).find(({ at }) => at > run.startedAt && at < commit.at)
        if (between !== undefined)
          this.#add('load-overtaken', `${between.seq} came while run ${run.run} loaded it`, commit)
      }
    }
  }

  /** Two loaders of a key run at once only where one of them has lost its lease, without knowing it yet. */
  alone(): void {
    const runs = this.#runs.filter((run) => !this.#isSlow(run.process))
    for (const first of runs) {
      for (const second of runs) {
        if (second.key !== first.key || second.startedAt <= first.startedAt) continue
        if (second.startedAt >= first.endedAt || this.#mayHaveLost(first, second)) continue
        this.#add('load-alone', `run ${first.run} was under way`, second)
      }
    }
  }

  call(call: LoadEvent): void {
    const { key, process, invokedAt, returnedAt, outcome, value, error } = call
    const own = this.#runs.filter((run) => run.key === key && run.process === process)
    if (outcome === 'failed') {
      const isOwn = error instanceof LoaderFailure && own.some(({ run, fails }) => fails && run === error.run)
      if (!isOwn) this.#add('load-error', 'no loader of this key threw that here', call)
    } else if (
      !this.#isStored(call) &&
      !own.some((run) => run.startedAt > invokedAt && !run.fails && run.value === value)
    ) {
      this.#add('load-overtaken', 'it is neither stored nor loaded since the call', call)
    }
    const waited = this.#longestIdle(call)
    const bound = this.#plan.leaseMs + BESIDE_LEASES_MS
    if (waited > bound && !this.#halts(process, invokedAt, returnedAt)) {
      this.#add('load-takeover', `nobody loaded for ${waited.toFixed(0)} ms: bound ${bound}`, call)
    }
  }

  /** What is stored is checked as a read. */
  #isStored({ key, value, invokedAt, returnedAt, maxStaleMs, nearMaxStaleMs }: LoadEvent): boolean {
    if (value !== undefined) return this.#timeline.of(key).some((commit) => commit.value === value)
    const since = invokedAt - Math.max(maxStaleMs, nearMaxStaleMs) - EPSILON_MS
    return this.#timeline.absencesOf(key).some((absence) => absence.since <= returnedAt && absence.until > since)
  }

  /** A process with a slow back tier gets a lease, or renews it, late. */
  #isSlow(process: string): boolean {
    return processPlan(this.#plan, process).slowBackRate > 0
  }

  #mayHaveLost({ key, process, startedAt }: LoaderEvent, second: LoaderEvent): boolean {
    const since = startedAt - NEXT_TO_LOADER_MS
    const by = second.startedAt
    if (this.#timeline.of(key).some(({ at }) => at >= since && at <= by)) return true
    if (this.#halts(process, since, by) || this.#halts(second.process, since, by)) return true
    if (this.#faults.some(({ what }) => what.startsWith('restored'))) return true
    return this.#events.some(
      (event) =>
        // A delete of nothing, which ends leases all the same; a process that died may have left one.
        (event.type === 'write' && event.key === key && event.returnedAt >= since && event.invokedAt <= by) ||
        (event.type === 'fault' && event.halts?.until === Infinity),
    )
  }

  #halts(process: string, since: number, until: number): boolean {
    return this.#faults.some(
      ({ at, halts }) => halts?.process === process && at <= until && halts.until + NEXT_TO_LOADER_MS >= since,
    )
  }

  /** The longest part of the call in which no living process had called a loader. */
  #longestIdle({ key, invokedAt, returnedAt }: LoadEvent): number {
    let idle = 0
    let since = invokedAt
    const runs = this.#runs.filter((run) => run.key === key && run.startedAt < returnedAt)
    for (const { process, startedAt, endedAt } of runs) {
      idle = Math.max(idle, startedAt - since)
      const halt = this.#faults.find((fault) => fault.halts?.process === process && fault.at > startedAt)
      since = Math.max(since, Math.min(endedAt, halt?.at ?? Infinity))
    }
    return Math.max(idle, returnedAt - since)
  }

  #add(invariant: Violation['invariant'], what: string, event: Violation['event']): void {
    this.violations.push({ invariant, what, event })
  }
}
