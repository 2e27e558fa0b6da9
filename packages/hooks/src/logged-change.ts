import {
  type ChangeSource,
  CorruptError,
  type KeyTuple,
  type LogChange,
  notesOf,
  type Path,
  type Payload,
  StoreKey,
  subjectOf,
  tagOfKey,
} from '@tidemark/core'
import type { Change, ChangeBase, Txn } from './change.ts'
import { type ChangeKind, kindOf } from './change-kind.ts'

const NO_KEY: KeyTuple = Object.freeze([])
const NO_TAGS: readonly string[] = Object.freeze([])

class LoggedChange implements ChangeBase {
  readonly seq: number
  readonly txn: Txn
  readonly op: ChangeKind
  readonly path: Path | undefined
  readonly version: number
  readonly prevVersion: number
  readonly at: number
  readonly origin: string
  readonly expiresAt: number | undefined
  readonly oldCompacted: true | undefined
  readonly leftOut: true | undefined
  readonly source: ChangeSource | undefined
  readonly #row: LogChange
  readonly #replaced: LogChange | undefined

  constructor(row: LogChange, txn: Txn, replaced: Replaced | undefined) {
    this.seq = row.seq
    this.txn = txn
    this.op = kindOf(row) ?? row.op
    this.path = row.path
    this.version = row.seq
    this.prevVersion = row.prevVersion
    this.at = row.at
    this.origin = row.origin
    this.expiresAt = isEntry(this.op) ? endOf(row) : undefined
    this.leftOut = row.leftOut
    this.source = row.source
    this.#row = row
    this.#replaced = replaced?.get(row.prevVersion)
    const isLost = replaced !== undefined && row.prevVersion > 0 && this.#replaced === undefined
    this.oldCompacted = isLost || undefined
    Object.freeze(this)
  }

  get key(): KeyTuple {
    if (this.op === 'invalidate-tag') return NO_KEY
    const key = subjectOf(this.#row.key)
    // Bytes and dates cannot be frozen; a reader that changed one would change it for all others.
    return key.tuple.some(isMutable) ? StoreKey.of(key.tuple).tuple : key.tuple
  }

  get value(): unknown {
    return hasValue(this.op) ? this.#read(this.#row.payload, 'value') : undefined
  }

  get old(): unknown {
    const replaced = this.#replaced
    if (replaced === undefined || this.op === 'invalidate-tag' || kindOf(replaced) !== 'set') return undefined
    return this.#read(replaced.payload, 'old value')
  }

  get tag(): string | undefined {
    return this.op === 'invalidate-tag' ? tagOfKey(this.#row.key) : undefined
  }

  get size(): number | undefined {
    if (this.op !== 'blob') return undefined
    return (this.#read(this.#row.payload, 'size') as { readonly size?: number } | null | undefined)?.size
  }

  get tags(): readonly string[] | undefined {
    return isEntry(this.op) ? (notesOf({ ...this.#row, version: this.seq }).tags ?? NO_TAGS) : undefined
  }

  get meta(): unknown {
    return this.#read(this.#row.meta, 'meta')
  }

  toJSON(): Record<string, unknown> {
    const { key, value, meta, old, size, tag, tags = NO_TAGS } = this
    const marks = {
      ...(old !== undefined && { old }),
      ...(size !== undefined && { size }),
      ...(tag !== undefined && { tag }),
      ...(tags.length > 0 && { tags }),
    }
    return { ...(this as object), key, value, meta, ...marks }
  }

  /** Node's console would show none of the accessors. */
  [Symbol.for('nodejs.util.inspect.custom')](): Record<string, unknown> {
    const { key, tag } = this
    const payload = hasValue(this.op) ? this.#row.payload : undefined
    return {
      ...(this as object),
      key,
      ...(tag !== undefined && { tag }),
      ...(payload && { value: `<${payload.byteLength} bytes>` }),
    }
  }

  #read(payload: Payload | undefined, what: string): unknown {
    if (payload === undefined) return undefined
    try {
      return payload.read()
    } catch (cause) {
      const key = this.#row.key.id
      throw new CorruptError(`the ${what} of change ${this.seq} of ${key} cannot be decoded`, { key, cause })
    }
  }
}

function hasValue(op: ChangeKind): boolean {
  return op === 'set' || op === 'append'
}

/** Whether there is an entry at its key from the change on, with a time to end and tags of its own. */
function isEntry(op: ChangeKind): boolean {
  return op === 'set' || op === 'blob'
}

/** When the entry ends for readers. Damaged notes say nothing here; who reads the tags is told. */
function endOf({ key, meta, seq, expiresAt }: LogChange): number | undefined {
  if (meta === undefined) return expiresAt
  try {
    return notesOf({ key, meta, version: seq }).freshUntil ?? expiresAt
  } catch {
    return expiresAt
  }
}

function isMutable(part: unknown): boolean {
  return part instanceof Uint8Array || part instanceof Date
}

/** Changes that were replaced, by their seq; undefined: the log does not hold that one any more. */
export type Replaced = ReadonlyMap<number, LogChange | undefined>

/** What subscribers see of one row. Decodes nothing. @param replaced what it replaced, where that was asked for */
export function toChange<T>(row: LogChange, txn: Txn, replaced?: Replaced): Change<T> {
  // The log says by `op` which fields a row has; the class cannot say it to the compiler.
  return new LoggedChange(row, txn, replaced) as ChangeBase as Change<T>
}

/** What subscribers see of these rows; changes of one commit share their `txn`. Decodes nothing. */
export function toChanges<T>(rows: readonly LogChange[], replaced?: Replaced): readonly Change<T>[] {
  let txn: Txn | undefined
  return rows.map((row) => {
    if (txn?.first !== row.first) txn = Object.freeze({ first: row.first, last: row.last })
    return toChange<T>(row, txn, replaced)
  })
}
