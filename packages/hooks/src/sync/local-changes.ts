import {
  type Back,
  CompactedError,
  type DeleteWrite,
  type LogChange,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'
import type { Incoming } from './incoming.ts'
import { isUserKey, stampKey } from './sync-keys.ts'

/** Changes of the target's log to look through at a time. */
const PAGE = 2_000

interface LocalPage {
  readonly items: readonly Incoming[]
  /** There is no more. */
  readonly isAtHead: boolean
}

/**
 * What the target does by itself and leaves no trace of outside of its log: deletions, and entries that will expire. The
 * last writer may have been one of these, so they are merged, too, as if they came from a source.
 */
export class LocalChanges {
  readonly #log: Back['log']
  #position: number
  /** Made by the sync, and not yet passed. */
  #own: (readonly [first: number, last: number])[] = []

  /** @param position up to where the log was looked through */
  constructor(log: Back['log'], position: number) {
    this.#log = log
    this.#position = position
  }

  get position(): number {
    return this.#position
  }

  /** What has happened since the last time, a page at a time. */
  async next(): Promise<LocalPage> {
    const { changes, head } = await this.#page()
    const items = changes.filter((row) => leavesNothing(row) && !this.#isOwn(row.seq)).map((row) => this.#item(row))
    this.#position = changes.at(-1)?.seq ?? this.#position
    this.#own = this.#own.filter(([, last]) => last > this.#position)
    return { items, isAtHead: this.#position >= head }
  }

  /** The sync has made these changes itself. */
  skip(changes: readonly LogChange[]): void {
    const [first, last] = [changes[0]?.seq, changes.at(-1)?.seq]
    if (first === undefined || last === undefined) return
    if (first === this.#position + 1) this.#position = last
    else this.#own.push([first, last])
  }

  #isOwn(seq: number): boolean {
    return this.#own.some(([first, last]) => seq >= first && seq <= last)
  }

  async #page() {
    try {
      return await this.#log.read({ after: this.#position, limit: PAGE, values: false })
    } catch (error) {
      // Nothing more can be known about what is gone, be it compacted away or taken back by a restore.
      if (error instanceof CompactedError) this.#position = error.floor
      else if (error instanceof TidemarkError && error.code === 'LOG_AHEAD') this.#position = await this.#log.head()
      else throw error
      return this.#log.read({ after: this.#position, limit: PAGE, values: false })
    }
  }

  #item({ key, op, seq, at, origin, source: from, expiresAt, prevVersion }: LogChange): Incoming {
    const source = { ...(from ?? { log: this.#log.identity.id, seq, at }), origin }
    const removal: DeleteWrite = { op: 'delete', key, source }
    const write = op === 'delete' ? removal : ({ ...removal, op: 'set', expiresAt } as never)
    const facts = { isRelayed: false, isExpiry: false, isTag: false, isEntry: false, isLocal: true } as const
    return { key, write, source, prevVersion, version: seq, ...facts }
  }
}

/** Nothing but the log tells of it, or soon will. */
function leavesNothing({ op, key, expiresAt }: LogChange): boolean {
  return (op === 'delete' || (op === 'set' && expiresAt !== undefined)) && isUserKey(key) && hasStamp(key)
}

/** A key that has no room for one is not synced. */
function hasStamp(key: StoreKey): boolean {
  try {
    stampKey(key)
    return true
  } catch {
    return false
  }
}
