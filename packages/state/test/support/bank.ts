import type { Transaction } from '../../src/index.ts'

export interface Bank {
  accounts: Map<string, number>
  log: string[]
  drawn: number[]
}

export const bank = (): Bank => ({ accounts: new Map(), log: [], drawn: [] })

type On = Transaction<Bank>

/** Transactions of every kind that there is: which change, which fail in the middle, and which depend on circumstances. */
export const transactions = {
  put({ state }: On, name: string, amount: number) {
    state.accounts.set(name, amount)
    return amount
  },
  pay({ state }: On, from: string, to: string, amount: number) {
    const has = state.accounts.get(from) ?? 0
    state.log.push(`${from} pays ${amount}`)
    state.accounts.set(to, (state.accounts.get(to) ?? 0) + amount)
    if (has < amount) throw new RangeError(`${from} has ${has}`)
    state.accounts.set(from, (state.accounts.get(from) ?? 0) - amount)
    return state.accounts.get(to)
  },
  draw({ state, now, random, number }: On) {
    state.drawn.push(random(), random(), now, number)
  },
  note({ state }: On, note: { text: string }) {
    state.log.push(note.text)
    note.text = 'changed by the function'
  },
}
