import { type Payload, reservedKey, StoreKey, Uuid } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { StateHash } from '../src/draft/state-hash.ts'
import { seededRandom } from '../src/random.ts'
import { prevalent, states, type Transaction } from '../src/index.ts'
import { openTemp } from './support/temp.ts'

// What is on the disks of users: none of this may ever change.

const hex = (payload: Payload | undefined): string => Buffer.from(payload!.bytes).toString('hex')

test('the hash of a state', () => {
  const of = (value: unknown): number => StateHash.of(value).check
  const values = [
    undefined,
    null,
    true,
    false,
    0,
    -0,
    1.5,
    Number.NaN,
    10n,
    '',
    'text',
    [],
    [1, 2],
    {},
    { a: 1 },
    new Map([['a', 1]]),
    new Set(['a']),
    new Date(5),
    Uint8Array.of(1, 2),
    /x/g,
    Uuid.parse('74696465-6d61-726b-8000-000000000000'),
    { a: [{ b: new Map([[1, new Set([2n])]]) }] },
  ]
  const hashes = values.map(of)
  expect(new Set(hashes).size).toBe(values.length)
  expect(hashes).toMatchInlineSnapshot(`
    [
      2348066764741447,
      4994861650719048,
      2494436146361586,
      195431458779328,
      608768577737106,
      7421268993125450,
      8142981496295338,
      6650468939818946,
      7376267892921814,
      601860453475228,
      7098370275194225,
      6829390267353856,
      8409470457765724,
      3904599343819961,
      7219028531580556,
      2376260857701623,
      208790402000640,
      1755973607221643,
      8249702010014589,
      5718309863996984,
      7959708976772573,
      887508921503016,
    ]
  `)
})

test('random numbers', () => {
  const random = seededRandom(42)
  expect([random(), random(), seededRandom(0)(), seededRandom(0xffff_ffff)()]).toMatchInlineSnapshot(`
    [
      0.0425801867853185,
      0.8790153694230899,
      0.5277687555408713,
      0.886809121809954,
    ]
  `)
})

test('a journal, its snapshots, and saves of states', async () => {
  const clock = new ManualClock()
  const { store, back } = openTemp({ clock })
  const db = await prevalent({
    store,
    name: 'g',
    clock,
    random: () => 0.5,
    initial: () => ({ list: [1, 'x'], map: new Map([['k', { n: 1 }]]) }),
    transactions: {
      add({ state, random }: Transaction<{ list: unknown[]; map: Map<string, { n: number }> }>, by: number) {
        state.map.get('k')!.n += by
        state.list.push(random())
      },
    },
  })
  await Promise.all([db.execute('add', 2), db.execute('add', -1)])
  await db.snapshot()
  await db.close()
  const app = await states(store, { clock })
  app.define('n', { of: 'state' })
  await app.saveAll()
  const read = async (...keys: StoreKey[]) => (await back.read(keys)).map(({ entry }) => hex(entry?.payload))
  const marks = await back.marks.read([
    reservedKey('state', 'snapshot', 'g', 2),
    reservedKey('state', 'snapshot-part', 'g', 2, 0),
  ])
  expect(await read(StoreKey.of(['g', 'journal', 1]))).toMatchInlineSnapshot(`
    [
      "0467a016da000000610101a3656669727374016c7472616e73616374696f6e738285636164648102fb4278bcfe568000001a80000000fb433866acfe94ba7585636164648120fb4278bcfe568000001a80000000fb432fffc2fd0902b86373756dfb4329a839fc786844",
    ]
  `)
  expect(marks.map(hex)).toMatchInlineSnapshot(`
    [
      "0498cb0c040000002e0101a4666e756d62657202626174fb4278bcfe568000006468617368821a7e84815c1a7fff0f1365706172747301",
      "04dc5aa9d5000000030101f6000000360101818380667265636f726484646c69737484016178fb3fe97da669d4922efb3fe97da669d4922e636d6170d90103a1616ba1616e02",
    ]
  `)
  expect(await read(StoreKey.of(['states', 'saves']), StoreKey.of(['states', 'state', 'n', 1]))).toMatchInlineSnapshot(`
    [
      "0101a2646c61737401657361766573818301fb4278bcfe56800000a1616e01",
      "0101a1626f66657374617465",
    ]
  `)
})
