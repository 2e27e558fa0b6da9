import { type KeyRange, prefixRange, reservedKey, type StoreKey } from '@tidemark/core'

// Parts of stored keys: never change them.
const WRITE_BEHIND = 'write-behind'
const OWNER = 'owner'
const RECOVERING = 'recovering'
const ROW = 'row'
const FLUSHED = 'flushed'
const FLUSHING = 'flushing'
const DEAD = 'dead'
const CHECKPOINT = 'checkpoint'
const HELD_BACK = 'held-back'
const NAME = 'name'

/** Of the journals of a store itself. */
export const STORE_SCOPE = ''

/** Where the journals of one kind lie among the marks: of a store itself, or of the buffers of one name. */
export class JournalKeys {
  readonly #scope: string

  constructor(scope: string) {
    this.#scope = scope
  }

  /** Names the journal of one opened store or buffer, and the lease of who writes or recovers it. */
  owner(owner: string): StoreKey {
    return this.#key(OWNER, owner)
  }

  /** Names the lease of who recovers the journal. Not below that of its owner, which may be ended. */
  recovering(owner: string): StoreKey {
    return this.#key(RECOVERING, owner)
  }

  get owners(): KeyRange {
    return this.#range(OWNER)
  }

  row(owner: string, row: number): StoreKey {
    return this.#key(ROW, owner, row)
  }

  rows(owner: string): KeyRange {
    return this.#range(ROW, owner)
  }

  /** Up to which row a journal that lies elsewhere is flushed. */
  flushed(owner: string): StoreKey {
    return this.#key(FLUSHED, owner)
  }

  /** Which rows a flush was about to write that is not committed together with them. */
  flushing(owner: string): StoreKey {
    return this.#key(FLUSHING, owner)
  }

  dead(id: string): StoreKey {
    return this.#key(DEAD, id)
  }

  get deadLetters(): KeyRange {
    return this.#range(DEAD)
  }

  checkpoint(name: string): StoreKey {
    return this.#key(CHECKPOINT, name)
  }

  get checkpoints(): KeyRange {
    return this.#range(CHECKPOINT)
  }

  /** Since when others go on without a journal that could not be recovered. */
  heldBack(owner: string): StoreKey {
    return this.#key(HELD_BACK, owner)
  }

  /** The name of the buffer that has moved to the connectors that this one is named after. */
  get name(): StoreKey {
    return this.#key(NAME)
  }

  #key(...parts: (string | number)[]): StoreKey {
    return reservedKey(WRITE_BEHIND, this.#scope, ...parts)
  }

  #range(...parts: (string | number)[]): KeyRange {
    return prefixRange(this.#key(...parts).tuple)
  }
}

/** The owner of a journal, the id of a dead letter, or the name of a checkpoint, that such a key names. */
export function nameIn(key: StoreKey): string {
  return key.tuple[4] as string
}

/** The row that such a key names. */
export function rowIn(key: StoreKey): number {
  return key.tuple[5] as number
}
