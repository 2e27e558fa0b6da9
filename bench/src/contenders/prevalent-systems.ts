import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { type DeepReadonly, prevalent } from '@tidemark/state'
import type { Place, Subject } from '../runner/case.ts'
import { bankOf, type BankSystem, TRANSACTIONS } from '../workload/accounts.ts'
import { inLanes } from '../workload/lanes.ts'
import { createPicks } from '../workload/picks.ts'

interface Opened {
  readonly db: BankSystem
  readonly close: () => Promise<void>
}

async function openBank(folder: string, accounts: number, snapshotEvery?: number): Promise<Opened> {
  const store = new Store(createSqliteBack({ file: join(folder, 'bank.db') }))
  const initial = () => bankOf(accounts)
  const db = await prevalent({ store, name: 'bank', initial, transactions: TRANSACTIONS, snapshotEvery })
  return {
    db,
    async close() {
      await db.close()
      await store.close()
    },
  }
}

export interface ExecutesOptions {
  readonly accounts: number
  readonly lanes: number
}

/** Transactions between random accounts, each acknowledged when it is synced; snapshots as they come by default. */
export async function executes({ folder }: Place, { accounts, lanes }: ExecutesOptions): Promise<Subject> {
  const { db, close } = await openBank(folder, accounts)
  const pick = createPicks(accounts)
  let executed = 0
  return {
    run: (times) =>
      inLanes(lanes, times, async () => {
        await db.execute('pay', pick(), pick(), 1)
        executed++
      }),
    async check() {
      let payments = 0
      for (const account of db.state.accounts.values()) payments += account.payments
      // Who pays himself has paid, too.
      if (db.number !== executed || db.state.paid !== executed || payments !== executed) {
        throw new Error(`${executed} executed, ${db.number} numbered, ${db.state.paid} paid, ${payments} counted`)
      }
    },
    close,
  }
}

/** Transactions that are journaled at once while a system is filled. */
const FILLING = 512

export interface StartsOptions {
  readonly accounts: number
  readonly transactions: number
  /** How many of the transactions are not in the snapshot. */
  readonly tail: number
}

/**
 * Opens a system of which all transactions are in the journal, and all but the last ones in a snapshot. An operation is one
 * start in a process of its own, as every start is: what counts is its time until the state is there.
 */
export async function starts({ folder }: Place, { accounts, transactions, tail }: StartsOptions): Promise<Subject> {
  const { db, close } = await openBank(folder, accounts, 0)
  const pick = createPicks(accounts)
  const fill = (times: number) => inLanes(FILLING, times, async () => void (await db.execute('pay', pick(), pick(), 1)))
  await fill(transactions - tail)
  await db.snapshot()
  await fill(tail)
  const { state } = db
  const expected = { number: transactions, replayed: tail, paid: state.paid, sum: sumOf(state.accounts.values()) }
  await close()
  const start = (): Started => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [START, folder, String(accounts)], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`a start failed: ${stderr}`)
    return JSON.parse(stdout) as Started
  }
  return {
    run(times) {
      let ms = 0
      for (let i = 0; i < times; i++) ms += start().ms
      return ms
    },
    async check() {
      const { ms: _ms, ...found } = start()
      if (!isDeepStrictEqual(found, expected)) throw new Error(`started with ${JSON.stringify(found)}`)
    },
    close: async () => {},
  }
}

const START = fileURLToPath(new URL('prevalent-start-process.ts', import.meta.url))

/** What a start found, and how long it took. */
export interface Started {
  readonly ms: number
  readonly number: number
  readonly replayed: number
  readonly paid: number
  readonly sum: number
}

/** One start of what is in the folder. */
export async function startOnce(folder: string, accounts: number): Promise<Started> {
  const startedAt = performance.now()
  const { db, close } = await openBank(folder, accounts, 0)
  const ms = performance.now() - startedAt
  const { number, recovery, state } = db
  const found = { ms, number, replayed: recovery.replayed, paid: state.paid, sum: sumOf(state.accounts.values()) }
  await close()
  return found
}

function sumOf(accounts: Iterable<{ readonly balance: number; readonly payments: number }>): number {
  let sum = 0
  let place = 1
  for (const { balance, payments } of accounts) {
    sum += place * (balance + payments)
    place = (place % 97) + 1
  }
  return sum
}

/** Reads of the state: what stands in a record, in a Map, in a Map that is large. */
export type ReadFrom = 'record' | 'map' | 'large-map'

export interface StateReadsOptions {
  readonly items: number
  readonly from: ReadFrom
}

interface Held {
  record: Record<string, { n: number }>
  map: Map<string, { n: number }>
}

type ReadHeld = DeepReadonly<Held>

function heldOf(items: number): Held {
  const entries = Array.from({ length: items }, (_, n) => [`k${n}`, { n }] as const)
  return { record: Object.fromEntries(entries), map: new Map(entries) }
}

export async function stateReads({ folder }: Place, { items, from }: StateReadsOptions): Promise<Subject> {
  const store = new Store(createSqliteBack({ file: join(folder, 'held.db') }))
  const db = await prevalent({
    store,
    name: 'held',
    initial: () => heldOf(items),
    transactions: {
      touch: ({ state }) => {
        state.record['k0'] = { n: 0 }
        state.map.set('k0', { n: 0 })
      },
    },
  })
  // Some changes, so that the state is one that transactions have made.
  for (let i = 0; i < 3; i++) await db.execute('touch')
  return readsOf(
    items,
    from,
    () => db.state,
    async () => {
      await db.close()
      await store.close()
    },
  )
}

/** The same objects without anything around them. */
export function plainReads({ items, from }: StateReadsOptions): Subject {
  const state = heldOf(items)
  return readsOf(
    items,
    from,
    () => state,
    async () => {},
  )
}

function readsOf(items: number, from: ReadFrom, stateOf: () => ReadHeld, close: () => Promise<void>): Subject {
  const pick = createPicks(items)
  const keys = Array.from({ length: items }, (_, n) => `k${n}`)
  return {
    run(times) {
      let sum = 0
      if (from === 'record') for (let i = 0; i < times; i++) sum += stateOf().record[keys[pick()]!]!.n
      else for (let i = 0; i < times; i++) sum += stateOf().map.get(keys[pick()]!)!.n
      if (sum < 0) throw new Error('unreachable')
    },
    async check() {
      for (const [n, key] of keys.entries()) {
        if (stateOf().record[key]!.n !== n || stateOf().map.get(key)!.n !== n) throw new Error(`${key} is not ${n}`)
      }
    },
    close,
  }
}
