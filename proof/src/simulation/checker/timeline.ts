import type { CommitEvent, History, ReadEvent, WriteEvent } from '../history.ts'
import { tagsOfValue } from '../values.ts'

/** When a write was acknowledged, and on what terms. */
export interface Acknowledged {
  readonly at: number
  readonly invokedAt: number
  readonly ack: 'bounded' | 'strict'
  readonly applied: boolean
}

/** What an answer says in terms of the log: it was true from `from` on, until one of `replacedBy` was committed. */
export interface Standing {
  /** The change that made it so; 0: it was so from the start. */
  readonly from: number
  /** The next change of the key, and the next invalidation of each tag. */
  readonly replacedBy: readonly CommitEvent[]
}

/** A time in which readers saw nothing at a key. */
export interface Absence {
  readonly since: number
  readonly until: number
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
  standingOf({ key, version, asOf, value, isSeen }: ReadEvent): Standing | undefined {
    const changes = this.of(key)
    const next = changes.findIndex(({ seq }) => seq > (version ?? asOf))
    const current = changes[next === -1 ? changes.length - 1 : next - 1]
    const replacedBy = next === -1 ? [] : [changes[next]!]
    if (version === undefined) {
      return current?.value === undefined ? { from: current?.seq ?? 0, replacedBy } : undefined
    }
    if (current?.seq !== version || current.value !== value) return undefined
    return { from: version, replacedBy: isSeen ? [...replacedBy, ...this.#invalidationsOf(current)] : replacedBy }
  }

  /** When readers saw nothing there. What a loader that found nothing left is null. */
  absencesOf(key: string): readonly Absence[] {
    const changes = this.of(key)
    const absences: Absence[] = [{ since: -Infinity, until: changes[0]?.at ?? Infinity }]
    for (const [i, change] of changes.entries()) {
      const isThere = change.value !== undefined && change.value !== null
      const ends = isThere ? this.#invalidationsOf(change).map(({ at }) => at) : [change.at]
      const until = changes[i + 1]?.at ?? Infinity
      const since = Math.min(...ends)
      if (since < until) absences.push({ since, until })
    }
    return absences
  }

  #invalidationsOf({ value, seq }: CommitEvent): readonly CommitEvent[] {
    return tagsOfValue(value).flatMap((tag) => this.of(`#${tag}`).find((each) => each.seq > seq) ?? [])
  }

  #acknowledge({ version, returnedAt, invokedAt, ack, applied }: WriteEvent): void {
    if (version !== undefined) this.#acknowledged.set(version, { at: returnedAt, invokedAt, ack, applied })
  }
}
