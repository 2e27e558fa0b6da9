import type { CommitEvent, History, ReadEvent, WriteEvent } from '../history.ts'

/** When a write was acknowledged, and on what terms. */
export interface Acknowledged {
  readonly at: number
  readonly invokedAt: number
  readonly ack: 'bounded' | 'strict'
  readonly applied: boolean
}

/** What an answer says in terms of the log: it was true from `from` on, until `replacedBy` was committed. */
export interface Standing {
  /** The change that made it so; 0: it was so from the start. */
  readonly from: number
  readonly replacedBy: CommitEvent | undefined
}

/** The log, by key, and what became known of its changes. */
export class Timeline {
  readonly commits: readonly CommitEvent[]
  readonly #byKey = new Map<string, CommitEvent[]>()
  readonly #acknowledged = new Map<number, Acknowledged>()

  constructor({ events }: History) {
    this.commits = events.filter((event) => event.type === 'commit')
    for (const commit of this.commits) {
      const known = this.#byKey.get(commit.key)
      if (known === undefined) this.#byKey.set(commit.key, [commit])
      else known.push(commit)
    }
    for (const event of events) if (event.type === 'write') this.#acknowledge(event)
  }

  /** The changes of a key, in the order of the log. */
  of(key: string): readonly CommitEvent[] {
    return this.#byKey.get(key) ?? []
  }

  at(seq: number): CommitEvent | undefined {
    return this.commits[seq - 1]
  }

  acknowledgementOf(seq: number): Acknowledged | undefined {
    return this.#acknowledged.get(seq)
  }

  /** @returns undefined: the answer was never true */
  standingOf({ key, version, asOf, value }: ReadEvent): Standing | undefined {
    const changes = this.of(key)
    const next = changes.findIndex(({ seq }) => seq > (version ?? asOf))
    const current = changes[next === -1 ? changes.length - 1 : next - 1]
    const replacedBy = next === -1 ? undefined : changes[next]
    if (version === undefined) {
      return current?.value === undefined ? { from: current?.seq ?? 0, replacedBy } : undefined
    }
    return current?.seq === version && current.value === value ? { from: version, replacedBy } : undefined
  }

  #acknowledge({ version, returnedAt, invokedAt, ack, applied }: WriteEvent): void {
    if (version !== undefined) this.#acknowledged.set(version, { at: returnedAt, invokedAt, ack, applied })
  }
}
