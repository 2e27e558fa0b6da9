import type { Prevalent, Transaction, TransactionFunction } from '@tidemark/state'

interface Account {
  name: string
  balance: number
  payments: number
}

export interface Bank {
  accounts: Map<number, Account>
  paid: number
}

/** A state of so many small objects. */
export function bankOf(accounts: number): Bank {
  const all = Array.from({ length: accounts }, (_, id): [number, Account] => [
    id,
    { name: `Augusta Ada King ${id}`, balance: 1_000, payments: 0 },
  ])
  return { accounts: new Map(all), paid: 0 }
}

/** What contenders that keep no state check alike. */
export const TRANSACTIONS = {
  pay({ state }: Transaction<Bank>, from: number, to: number, amount: number): number {
    const payer = state.accounts.get(from)
    const payee = state.accounts.get(to)
    if (payer === undefined || payee === undefined) throw new RangeError('there is no such account')
    payer.balance -= amount
    payer.payments += 1
    payee.balance += amount
    state.paid += amount
    return payer.balance
  },
} satisfies Record<string, TransactionFunction<Bank>>

export type BankSystem = Prevalent<Bank, typeof TRANSACTIONS>
