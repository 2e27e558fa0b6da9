import type { LogChange } from '@tidemark/core'
import type { Change, Txn } from '../change.ts'
import type { RowFilter } from '../change-filter.ts'
import { toChange, toChanges } from '../logged-change.ts'

/** The rows of one page that is kept, and what was made of them for subscribers, who share it. */
class HeldRows {
  readonly rows: readonly LogChange[]
  /** With the values that they replaced, by their index. */
  readonly withOld: (Change | undefined)[] = []
  /** Of who has taken everything up to a seq, by that; made for one epoch. */
  readonly tokens: Map<number, { readonly epoch: number; readonly token: string }> = new Map()
  readonly #shown: (Change | undefined)[] = []

  constructor(rows: readonly LogChange[]) {
    this.rows = rows
  }

  at(i: number): Change {
    return (this.#shown[i] ??= toChange(this.rows[i]!, this.#txnOf(i)))
  }

  /** Changes of one commit share their `txn`, as far as they were shown. */
  #txnOf(i: number): Txn {
    const { first, last } = this.rows[i]!
    for (let k = i - 1; this.rows[k]?.first === first; k--) {
      const shown = this.#shown[k]
      if (shown !== undefined) return shown.txn
    }
    return Object.freeze({ first, last })
  }
}

interface HeldPart {
  readonly held: HeldRows
  /** Where in the held page it begins. */
  readonly offset: number
}

/** On arrays of rows. Not a WeakMap, whose entries live until the next full collection: a replay would keep it all till then. */
const PART: unique symbol = Symbol('part')

type Marked = readonly LogChange[] & { readonly [PART]?: HeldPart }

/** From now on everybody who is shown these rows is shown the same change objects. The array must not change any more. */
export function holdRows(rows: readonly LogChange[]): void {
  mark(rows, { held: new HeldRows(rows), offset: 0 })
}

/** A part of held rows, which shares what was made of them. */
export function partOfHeld(rows: readonly LogChange[], start: number, end: number): readonly LogChange[] {
  if (start === 0 && end === rows.length) return rows
  const part = rows.slice(start, end)
  mark(part, { held: heldPart(rows)!.held, offset: start })
  return part
}

/** Where these rows are held; undefined: they are not. */
export function heldPart(rows: Marked): HeldPart | undefined {
  return rows[PART]
}

/** What a subscriber is shown of these rows: those that it wants. Decodes nothing. */
export function shownChanges<T>(rows: readonly LogChange[], isWanted: RowFilter): readonly Change<T>[] {
  const part = heldPart(rows)
  if (part === undefined) return toChanges<T>(rows.filter(isWanted))
  const { held, offset } = part
  const shown: Change[] = []
  for (let i = 0; i < rows.length; i++) {
    if (isWanted(rows[i]!)) shown.push(held.at(offset + i))
  }
  return shown as readonly Change[] as readonly Change<T>[]
}

function mark(rows: readonly LogChange[], part: HeldPart): void {
  Object.defineProperty(rows, PART, { value: part })
}
