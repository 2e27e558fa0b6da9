import type { JournalTransaction } from './record.ts'

/** Does a recorded transaction, with the time and the random numbers that it had. */
export type Redo = (transaction: JournalTransaction) => Promise<unknown>

const redos = new WeakMap<object, Redo>()

/** A journal may be replayed into this. Not a method of it: nobody else is to date transactions. */
export function takesTransactions(target: object, redo: Redo): void {
  redos.set(target, redo)
}

export function redoOf(target: object): Redo | undefined {
  return redos.get(target)
}
