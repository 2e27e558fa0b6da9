import { type Back, createMemoryBack } from '@tidemark/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type DeepReadonly, prevalent, type Transaction } from '../src/index.ts'
import { openTemp } from './support/temp.ts'

/** What the state is, in the model as well: the same functions change it. */
interface Shop {
  stock: Record<string, number>
  orders: { item: string; count: number; at: number; luck: number }[]
  customers: Map<string, { spent: number; items: Set<string> }>
}

const empty = (): Shop => ({ stock: {}, orders: [], customers: new Map() })

type On = Pick<Transaction<Shop>, 'state' | 'now' | 'random'>

const transactions = {
  deliver({ state }: On, item: string, count: number) {
    state.stock[item] = (state.stock[item] ?? 0) + count
  },
  order({ state, now, random }: On, customer: string, { item, count }: { item: string; count: number }) {
    let known = state.customers.get(customer)
    if (known === undefined) state.customers.set(customer, (known = { spent: 0, items: new Set() }))
    known.spent += count
    known.items.add(item)
    state.orders.push({ item, count, at: now, luck: random() })
    const left = (state.stock[item] ?? 0) - count
    if (left < 0) throw new RangeError('out of stock')
    if (left === 0) delete state.stock[item]
    else state.stock[item] = left
    return left
  },
  cancel({ state }: On, index: number) {
    return state.orders.splice(index, 1).length
  },
  forget({ state }: On, customer: string) {
    return state.customers.delete(customer)
  },
}

type Call = { readonly [N in keyof typeof transactions]: readonly [N, ...unknown[]] }[keyof typeof transactions]

const item = fc.constantFrom('tea', 'bread', '7', 'constructor')
const customer = fc.constantFrom('ada', 'bob', '')
const call = fc.oneof(
  fc.tuple(fc.constant('deliver' as const), item, fc.integer({ min: 1, max: 5 })),
  fc.tuple(fc.constant('order' as const), customer, fc.record({ item, count: fc.integer({ min: 1, max: 4 }) })),
  fc.tuple(fc.constant('cancel' as const), fc.nat(3)),
  fc.tuple(fc.constant('forget' as const), customer),
) as fc.Arbitrary<Call>

type Step =
  /** Called in one turn. */
  { readonly calls: readonly Call[] } | { readonly event: 'snapshot' | 'reopen' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ calls: fc.array(call, { minLength: 1, maxLength: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ event: fc.constantFrom('snapshot' as const, 'reopen' as const) }) },
)

async function open(back: Back) {
  let draws = 0
  // Numbers that repeat, so that the model can draw them too; what a transaction draws is made of one of them.
  const random = () => ((draws += 1) % 7) / 7
  return prevalent({
    store: back,
    name: 'shop',
    initial: empty,
    transactions,
    snapshotEvery: 7,
    leaseMs: 1_000,
    random,
  })
}

async function check(back: Back, steps: readonly Step[]): Promise<void> {
  let db = await open(back)
  let model = empty()
  let count = 0
  for (const each of steps) {
    if ('event' in each) {
      if (each.event === 'snapshot') await db.snapshot()
      else {
        await db.close()
        db = await open(back)
      }
    } else {
      const held = db.state
      const was = structuredClone(held)
      const outcomes = await Promise.allSettled(
        each.calls.map(([name, ...args]) => db.execute(name, ...(args as never))),
      )
      for (const [i, [name, ...args]] of each.calls.entries()) {
        const attempt = structuredClone(model)
        const outcome = outcomes[i]!
        // What it drew and when it was is taken from what it recorded.
        const recorded = db.state.orders.at(attempt.orders.length)
        const circumstances = { state: attempt, now: recorded?.at ?? 0, random: () => recorded?.luck ?? 0 }
        try {
          const result: unknown = (transactions[name] as (...all: unknown[]) => unknown)(
            circumstances,
            ...structuredClone(args),
          )
          expect(outcome).toEqual({ status: 'fulfilled', value: result })
          model = attempt
          count++
        } catch (error) {
          if (!(error instanceof RangeError)) throw error
          expect(outcome).toMatchObject({ status: 'rejected', reason: { message: error.message } })
        }
      }
      expect(held).toEqual(was)
    }
    expect(withoutOrigin(db.state)).toEqual(withoutOrigin(model))
    expect(db.number).toBe(count)
  }
  await db.close()
}

/** When an order was later taken out, the model cannot know what it drew. */
function withoutOrigin({ orders, stock, customers }: DeepReadonly<Shop>): unknown {
  return [orders.map(({ item: what, count }) => [what, count]), Object.entries(stock), [...customers]]
}

test.each([
  ['memory', 150, () => createMemoryBack()],
  ['SQLite', 40, () => openTemp().back],
] as const)(
  'model: over %s, a prevalent system is what its functions make of a plain object',
  async (_what, numRuns, make) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const back = make()
        await check(back, steps)
        await back.close()
      }),
      { numRuns },
    )
  },
)
