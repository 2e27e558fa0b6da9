import type { History, LoadEvent, WriteEvent } from '../history/events.ts'
import type { State } from './key-truth.ts'
import type { Logged } from './logged.ts'

/** Who made a change of the log, as far as anybody wrote it down. */
export class Origins {
  readonly #writes: ReadonlyMap<string, WriteEvent>
  readonly #loads: ReadonlyMap<string, LoadEvent>
  /** What has no value to name it, by its version. */
  readonly #unnamed: ReadonlyMap<number, WriteEvent>

  constructor({ writes, loads }: Pick<History, 'writes' | 'loads'>) {
    this.#writes = new Map(writes.map((write) => [write.id, write]))
    this.#loads = new Map(loads.map((load) => [load.id, load]))
    this.#unnamed = new Map(writes.flatMap((write) => (isUnnamed(write) ? [[write.ack!.version, write]] : [])))
  }

  stateOf(change: Logged): Omit<State, 'visibleFrom'> {
    const { seq, key, op, id, hash, count, tags } = change
    const made = this.#origin(change)
    const isOfKey = made?.key === key
    return {
      seq,
      id: op === 'set' ? id : undefined,
      hash,
      count,
      tags,
      begunAt: isOfKey ? made.begunAt : -Infinity,
      ackedAt: (isOfKey ? made.ackedAt : undefined) ?? Infinity,
      applied: isOfKey && made.applied,
    }
  }

  #origin({ seq, id }: Logged) {
    const load = id === undefined ? undefined : this.#loads.get(id)
    if (load !== undefined) {
      // Who loads is not told whether the fronts have taken it.
      return { key: load.key, begunAt: load.startedAt, ackedAt: load.returned, applied: false }
    }
    const write = id === undefined ? this.#unnamed.get(seq) : this.#writes.get(id)
    return (
      write && {
        key: write.key,
        begunAt: write.invoke,
        ackedAt: write.ack?.return,
        applied: write.ack?.applied ?? false,
      }
    )
  }
}

function isUnnamed({ op, ack }: WriteEvent): boolean {
  return (op === 'delete' || op === 'invalidate') && ack?.changed === true
}
