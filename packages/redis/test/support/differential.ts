import fc from 'fast-check'
import { stripeOf } from '../../src/stripes.ts'
import { Reference } from './reference.ts'
import { type BenchChange, type BenchFill, recordOf, type ScriptBench } from './script-bench.ts'

const EPOCHS = ['0000000a', '0000000b'] as const

/** `a` and `b` are guarded by the same stripe, so that one raises the other's fence. */
const IDS: readonly string[] = ['a', partnerOf('a'), 'c']

function partnerOf(id: string): string {
  for (let i = 0; ; i++) if (stripeOf(`b${i}`) === stripeOf(id)) return `b${i}`
}

export type Action =
  | { readonly type: 'apply'; readonly epoch: string; readonly changes: readonly BenchChange[] }
  | { readonly type: 'fill'; readonly epoch: string; readonly fills: readonly BenchFill[] }
  | { readonly type: 'evict'; readonly id: string }
  | { readonly type: 'lose-meta' }
  | { readonly type: 'lose-watermark' }
  | { readonly type: 'init'; readonly epoch: string; readonly head: number }
  | { readonly type: 'renew'; readonly epoch: string }

const id = fc.constantFrom(...IDS)
// Around 10, so that order as text would differ from order as numbers.
const seq = fc.integer({ min: 7, max: 13 })
const epoch = fc.constantFrom(...EPOCHS)
const value = fc.constantFrom('x', 'yy', '')

const change = fc.record({ id, seq, value: fc.option(value, { nil: undefined, freq: 3 }) })
const fill = fc.record({ id, version: seq, asOf: seq, value })

export const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.oneof<fc.WeightedArbitrary<Action>[]>(
    {
      weight: 8,
      arbitrary: fc.record({
        type: fc.constant('apply'),
        epoch,
        changes: fc.array(change, { minLength: 1, maxLength: 4 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant('fill'), epoch, fills: fc.array(fill, { minLength: 1, maxLength: 3 }) }),
    },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('evict'), id }) },
    { weight: 1, arbitrary: fc.constant({ type: 'lose-meta' }) },
    { weight: 1, arbitrary: fc.constant({ type: 'lose-watermark' }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('init'), epoch, head: seq }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('renew'), epoch }) },
  ),
  { minLength: 1, maxLength: 14 },
)

/** Does the same to the server and to the reference. @returns the first difference; undefined: none */
export async function firstDifference(bench: ScriptBench, sequence: readonly Action[]): Promise<string | undefined> {
  await bench.client.flushall()
  const reference = new Reference()
  await bench.init(EPOCHS[0], 0)
  Object.assign(reference, { epoch: EPOCHS[0], watermark: 0 })
  for (const [step, action] of sequence.entries()) {
    const answers = await act(bench, reference, action)
    const server = JSON.stringify([answers.server, await stateOf(bench)])
    const expected = JSON.stringify([answers.reference, stateOfReference(reference)])
    if (server !== expected) return `step ${step}: the server has ${server}, the reference ${expected}`
  }
  return undefined
}

async function act(
  bench: ScriptBench,
  reference: Reference,
  action: Action,
): Promise<{ server?: unknown; reference?: unknown }> {
  const { client, keyspace } = bench
  switch (action.type) {
    case 'apply': {
      const server = await bench.apply(action.epoch, action.changes)
      const outcomes = action.changes.map((each) => reference.apply(action.epoch, each))
      return { server: [server.epoch, server.outcomes], reference: [knownEpoch(reference), outcomes] }
    }
    case 'fill': {
      const server = await bench.fill(action.epoch, action.fills)
      const outcomes = action.fills.map((each) => reference.fill(action.epoch, each))
      return { server: [server.epoch, server.outcomes], reference: [knownEpoch(reference), outcomes] }
    }
    case 'evict':
      reference.records.delete(action.id)
      await bench.evict(action.id)
      return {}
    case 'lose-meta':
      reference.loseMeta()
      await client.del(keyspace.meta)
      return {}
    case 'lose-watermark':
      reference.watermark = undefined
      await client.hdel(keyspace.meta, 'w')
      return {}
    case 'init':
      Object.assign(reference, { epoch: action.epoch, watermark: action.head, base: action.head })
      await bench.init(action.epoch, action.head)
      return {}
    case 'renew':
      reference.epoch = action.epoch
      await client.hset(keyspace.meta, 'e', action.epoch)
      return {}
  }
}

function knownEpoch(reference: Reference): string | undefined {
  return reference.ready ? reference.epoch : undefined
}

async function stateOf({ client, keyspace }: ScriptBench): Promise<unknown> {
  const records = await client.mget(IDS.map((each) => keyspace.prefix + each))
  const { e, w, b, ...fences } = await client.hgetall(keyspace.meta)
  return [e ?? null, w ?? null, b ?? '0', Object.entries(fences).sort(byStripe), records]
}

function stateOfReference({ epoch: e, watermark, base, fences, records }: Reference): unknown {
  const texts = IDS.map((each) => {
    const record = records.get(each)
    return record === undefined ? null : recordOf('V', record.epoch, record.version, record.value).toString()
  })
  const sorted = [...fences].map(([stripe, hi]): [string, string] => [String(stripe), String(hi)]).sort(byStripe)
  return [e ?? null, watermark === undefined ? null : String(watermark), String(base), sorted, texts]
}

function byStripe([a]: [string, string], [b]: [string, string]): number {
  return Number(a) - Number(b)
}
