import type { History } from '../history/events.ts'
import { nameOfTag } from '../keys.ts'
import { KeyTruth, type State } from './key-truth.ts'
import type { Logged } from './logged.ts'
import { Origins } from './origins.ts'

/** What was committed: versions give the order, so that every read can be placed in it. */
export class Truth {
  readonly #keys = new Map<string, KeyTruth>()
  readonly #owners = new Map<string, string>()
  readonly #invalidations = new Map<string, State[]>()

  constructor(log: readonly Logged[], history: Pick<History, 'writes' | 'loads'>) {
    const origins = new Origins(history)
    const changes = new Map<string, State[]>()
    let visibleFrom = -Infinity
    for (const change of log) {
      const made = origins.stateOf(change)
      visibleFrom = Math.max(visibleFrom, made.begunAt)
      push(change.op === 'invalidate' ? this.#invalidations : changes, change.key, { ...made, visibleFrom })
      if (change.id !== undefined) this.#owners.set(change.id, change.key)
    }
    for (const [key, states] of changes) this.#keys.set(key, this.#truthOf(key, states))
  }

  of(key: string): KeyTruth {
    let truth = this.#keys.get(key)
    if (truth === undefined) this.#keys.set(key, (truth = this.#truthOf(key, [])))
    return truth
  }

  /** The key that the value of this id was committed under. */
  ownerOf(id: string): string | undefined {
    return this.#owners.get(id)
  }

  /** In the order of the log. */
  invalidationsOf(tag: string): readonly State[] {
    return this.#invalidations.get(nameOfTag(tag)) ?? []
  }

  keys(): Iterable<KeyTruth> {
    return this.#keys.values()
  }

  #truthOf(key: string, states: readonly State[]): KeyTruth {
    return new KeyTruth(key, states, (tag) => this.invalidationsOf(tag))
  }
}

function push(states: Map<string, State[]>, key: string, state: State): void {
  const known = states.get(key)
  if (known === undefined) states.set(key, [state])
  else known.push(state)
}
