import type { Micros } from '../clock.ts'
import type { History, WriteEvent } from '../history/events.ts'
import type { Logged } from './logged.ts'

/** What a key was from one change of it to the next. */
export interface State {
  /** 0: before its first change. */
  readonly seq: number
  /** undefined: absent. */
  readonly id: string | undefined
  readonly hash: string | undefined
  readonly count: number | undefined
  /** When the write that made it was invoked; -Infinity where nobody wrote that down. */
  readonly begunAt: Micros
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
  begunAt: -Infinity,
  ackedAt: Infinity,
  applied: true,
}

/** The states of one key, in the order of the log. */
export class KeyTruth {
  readonly key: string
  readonly states: readonly State[]
  /** Where in `states` the key is absent, ascending. */
  readonly absences: readonly number[]
  readonly #missed: readonly Micros[]
  readonly #missedApplied: readonly Micros[]
  readonly #byId: ReadonlyMap<string, number>

  constructor(key: string, changes: readonly State[]) {
    this.key = key
    this.states = [NEVER_WRITTEN, ...changes]
    this.absences = this.states.flatMap(({ id }, i) => (id === undefined ? [i] : []))
    this.#byId = new Map(this.states.flatMap(({ id }, i) => (id === undefined ? [] : [[id, i]])))
    this.#missed = earliestAfter(this.states.map(({ ackedAt }) => ackedAt))
    this.#missedApplied = earliestAfter(this.states.map(({ ackedAt, applied }) => (applied ? ackedAt : Infinity)))
  }

  /** The place in `states` of the value that this id names. */
  placeOf(id: string): number | undefined {
    return this.#byId.get(id)
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

/** What was committed: versions give the order, so that every read can be placed in it. */
export class Truth {
  readonly #keys = new Map<string, KeyTruth>()
  readonly #owners = new Map<string, string>()

  constructor(log: readonly Logged[], writes: History['writes']) {
    const writers = new Map(writes.map((write) => [write.id, write]))
    const deletes = new Map(writes.flatMap((write) => (isEffectiveDelete(write) ? [[write.ack!.version, write]] : [])))
    const changes = new Map<string, State[]>()
    for (const { seq, key, op, id, hash, count } of log) {
      const write = id === undefined ? deletes.get(seq) : writers.get(id)
      const ack = write?.key === key ? write.ack : undefined
      const state: State = {
        seq,
        id: op === 'set' ? id : undefined,
        hash,
        count,
        begunAt: write?.key === key ? write.invoke : -Infinity,
        ackedAt: ack?.return ?? Infinity,
        applied: ack?.applied ?? false,
      }
      const known = changes.get(key)
      if (known === undefined) changes.set(key, [state])
      else known.push(state)
      if (id !== undefined) this.#owners.set(id, key)
    }
    for (const [key, states] of changes) this.#keys.set(key, new KeyTruth(key, states))
  }

  of(key: string): KeyTruth {
    let truth = this.#keys.get(key)
    if (truth === undefined) this.#keys.set(key, (truth = new KeyTruth(key, [])))
    return truth
  }

  /** The key that the value of this id was committed under. */
  ownerOf(id: string): string | undefined {
    return this.#owners.get(id)
  }

  keys(): Iterable<KeyTruth> {
    return this.#keys.values()
  }
}

function isEffectiveDelete({ op, ack }: WriteEvent): boolean {
  return op === 'delete' && ack?.changed === true
}
