import type { LogChange } from '@tidemark/core'
import type { Change, Txn } from '../change.ts'
import { toChange, toChanges } from '../logged-change.ts'

/** The rows of one page that is kept, and what subscribers were shown of them. */
class HeldRows {
  readonly rows: readonly LogChange[]
  readonly #shown: (Change | undefined)[] = []
  #all: readonly Change[] | undefined

  constructor(rows: readonly LogChange[]) {
    this.rows = rows
  }

  get all(): readonly Change[] {
    return (this.#all ??= Object.freeze(
      this.#shown.length === 0 ? toChanges(this.rows) : this.rows.map((_, i) => this.at(i)),
    ))
  }

  at(i: number): Change {
    return this.#all?.[i] ?? (this.#shown[i] ??= toChange(this.rows[i]!, this.#txnOf(i)))
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

interface Part {
  readonly held: HeldRows
  /** Where in the held page it begins. */
  readonly offset: number
}

/** Arrays of rows that belong to a kept page. Forgotten with the page. */
const parts = new WeakMap<readonly LogChange[], Part>()

/** From now on everybody who is shown these rows is shown the same change objects. The array must not change any more. */
export function holdRows(rows: readonly LogChange[]): void {
  parts.set(rows, { held: new HeldRows(rows), offset: 0 })
}

/** A part of held rows, which shares their changes. */
export function partOfHeld(rows: readonly LogChange[], start: number, end: number): readonly LogChange[] {
  if (start === 0 && end === rows.length) return rows
  const part = rows.slice(start, end)
  parts.set(part, { held: parts.get(rows)!.held, offset: start })
  return part
}

/** What a subscriber is shown of these rows: those that it wants. Decodes nothing. */
export function shownChanges<T>(
  rows: readonly LogChange[],
  isWanted: ((row: LogChange) => boolean) | undefined,
): readonly Change<T>[] {
  const part = parts.get(rows)
  if (part === undefined) return toChanges<T>(isWanted === undefined ? rows : rows.filter(isWanted))
  const { held, offset } = part
  if (isWanted === undefined && rows === held.rows) return held.all as readonly Change<T>[]
  const shown: Change[] = []
  for (let i = 0; i < rows.length; i++) {
    if (isWanted === undefined || isWanted(rows[i]!)) shown.push(held.at(offset + i))
  }
  return shown as unknown as readonly Change<T>[]
}
