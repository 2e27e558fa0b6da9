import type { Micros } from '../clock.ts'

/** What a key was from one change of it to the next. */
export interface State {
  /** 0: before its first change. */
  readonly seq: number
  /** undefined: absent. */
  readonly id: string | undefined
  readonly hash: string | undefined
  readonly count: number | undefined
  readonly tags: readonly string[]
  /** When the write that made it was invoked, or the loader called; -Infinity where nobody wrote that down. */
  readonly begunAt: Micros
  /** Nobody can have seen it before: it, or something that comes before it in the log, was begun then. */
  readonly visibleFrom: Micros
  /** When it was acknowledged; Infinity: never. */
  readonly ackedAt: Micros
  /** Whether the acknowledgement said that every front had taken it. */
  readonly applied: boolean
}

const NEVER_WRITTEN: State = {
  seq: 0,
  id: undefined,
  hash: undefined,
  count: undefined,
  tags: [],
  begunAt: -Infinity,
  visibleFrom: -Infinity,
  ackedAt: Infinity,
  applied: true,
}

/** What ended a value without a change of its key. */
interface Gone {
  readonly from: Micros
  /** The one that was acknowledged first, of all and of those that every front had taken. */
  readonly acked: State | undefined
  readonly applied: State | undefined
}

/** The states of one key, in the order of the log. */
export class KeyTruth {
  readonly key: string
  readonly states: readonly State[]
  /** Where in `states` the key is absent, or was made so by a tag, ascending. */
  readonly absences: readonly number[]
  /** Of each state, what made it absent by one of its tags. */
  readonly #gone: readonly Gone[]
  readonly #missed: readonly Micros[]
  readonly #missedApplied: readonly Micros[]
  readonly #byId: ReadonlyMap<string, number>

  /** @param invalidations of a tag, by its name, in the order of the log */
  constructor(key: string, changes: readonly State[], invalidations: (tag: string) => readonly State[]) {
    this.key = key
    this.states = [NEVER_WRITTEN, ...changes]
    this.#gone = this.states.map(({ seq, tags }) =>
      goneBy(tags.flatMap((tag) => invalidations(tag).filter((each) => each.seq > seq))),
    )
    this.absences = this.states.flatMap((_, i) => (this.absentFrom(i) < Infinity ? [i] : []))
    this.#byId = new Map(this.states.flatMap(({ id }, i) => (id === undefined ? [] : [[id, i]])))
    this.#missed = earliestAfter(this.states.map(({ ackedAt }) => ackedAt))
    this.#missedApplied = earliestAfter(this.states.map(({ ackedAt, applied }) => (applied ? ackedAt : Infinity)))
  }

  /** The place in `states` of the value that this id names. */
  placeOf(id: string): number | undefined {
    return this.#byId.get(id)
  }

  /** From when on who saw the state at `place` may have seen nothing. Infinity: never, it is a value that no tag made absent. */
  absentFrom(place: number): Micros {
    const { id, visibleFrom } = this.states[place]!
    return id === undefined ? visibleFrom : this.#gone[place]!.from
  }

  /** What made the value at `place` absent by one of its tags, and was acknowledged first; `isApplied`: in every front. */
  invalidationOf(place: number, isApplied: boolean): State | undefined {
    const { acked, applied } = this.#gone[place]!
    return isApplied ? applied : acked
  }

  /** When the first acknowledgement of a newer state than that at `place` came; Infinity: never. Ascends with `place`. */
  missedSince(place: number): Micros {
    return this.#missed[place]!
  }

  /** As {@link missedSince}, counting only what every front had taken. */
  missedAppliedSince(place: number): Micros {
    return this.#missedApplied[place]!
  }
}

function earliestAfter(times: readonly Micros[]): readonly Micros[] {
  const earliest = times.map(() => Infinity)
  for (let i = times.length - 2; i >= 0; i--) earliest[i] = Math.min(earliest[i + 1]!, times[i + 1]!)
  return earliest
}

function goneBy(invalidations: readonly State[]): Gone {
  const byAck = invalidations.toSorted((a, b) => a.ackedAt - b.ackedAt)
  return {
    from: Math.min(...invalidations.map(({ visibleFrom }) => visibleFrom)),
    acked: byAck[0],
    applied: byAck.find(({ applied }) => applied),
  }
}
