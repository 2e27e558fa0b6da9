import { type Codec, createCborCodec, createJsonCodec, Payload, StoreKey } from '@tidemark/core'
import { compressed, encrypted } from '@tidemark/codecs'
import { describe, expect, test } from 'vitest'
import { journal, prevalent, states, type Transaction } from '../src/index.ts'
import { openTemp, tempFile } from './support/temp.ts'

class Money {
  readonly cents: number

  constructor(cents: number) {
    this.cents = cents
  }
}

const key = (id: number, fill = id) => ({ id, key: new Uint8Array(32).fill(fill) })
const plain = (): Codec => createCborCodec()
const withClass = (): Codec =>
  createCborCodec({ classes: [{ type: Money, name: 'Money', decode: ({ cents }: Money) => new Money(cents) }] })
const secret = (keys = key(1), context = 'here'): Codec =>
  encrypted(plain(), { keys: [keys], current: keys.id, context })

const cases: readonly (readonly [what: string, right: () => Codec, forgotten: () => Codec])[] = [
  ['a class that is not registered', withClass, plain],
  ['compression', () => compressed(plain()), plain],
  ['the codec', () => createJsonCodec(), plain],
  ['encryption', secret, plain],
  ['that it was not encrypted', plain, secret],
  ['the key', secret, () => secret(key(2))],
  ['which key it was', secret, () => secret(key(1, 9))],
  ['the context of the encryption', secret, () => secret(key(1), 'there')],
]

/** All that there is, byte for byte. */
async function contentOf(file: string): Promise<unknown> {
  const { back } = openTemp({ file })
  const range = { start: new Uint8Array(), end: undefined }
  const { entries } = await back.scan(range, { after: undefined, limit: 1_000, reverse: false })
  const marks = await back.marks.scan(range, { after: undefined, limit: 1_000 })
  await back.close()
  return [
    entries.map((entry) => [entry.key.id, entry.version, Buffer.from(entry.payload.bytes).toString('hex')]),
    marks.map((mark) => [mark.key.id, Buffer.from(mark.value.bytes).toString('hex')]),
  ]
}

const system = {
  name: 'p',
  initial: { cents: 0 },
  transactions: {
    pay({ state }: Transaction<{ cents: number }>, money: Money | number) {
      state.cents += typeof money === 'number' ? money : money.cents
    },
  },
  leaseMs: 400,
}

describe('what cannot be read here, and may be whole, is an error, and nothing of it is changed: forgotten was', () => {
  test.each(cases)('%s', async (_what, right, forgotten) => {
    const file = tempFile()
    const five = (): Money | number => (right === withClass ? new Money(5) : 5)
    {
      const { back } = openTemp({ file, codec: right() })
      await using db = await prevalent({ store: back, ...system })
      await db.execute('pay', 1)
      await db.snapshot()
      await db.execute('pay', five())
      await db.execute('pay', 2)
      await using log = await journal({ store: back, name: 'j', leaseMs: 400 })
      for (const n of [1, five(), five()]) await log.record('paid', n)
      const app = await states(back)
      app.define('money', five())
      await app.saveAll()
    }
    const before = await contentOf(file)
    {
      const { back } = openTemp({ file, codec: forgotten() })
      const mayBeWhole = { name: 'CorruptError', mayBeWhole: true }
      await expect(prevalent({ store: back, ...system })).rejects.toMatchObject(mayBeWhole)
      await expect(journal({ store: back, name: 'j', leaseMs: 400 })).rejects.toMatchObject(mayBeWhole)
      const defined = states(back).then((app) => app.define('money', five()))
      await expect(defined).rejects.toMatchObject(mayBeWhole)
      await back.close()
    }
    expect(await contentOf(file)).toEqual(before)
    const { back } = openTemp({ file, codec: right() })
    await using db = await prevalent({ store: back, ...system })
    expect([db.state.cents, db.number, db.recovery.dropped]).toEqual([8, 3, []])
    await using log = await journal({ store: back, name: 'j', leaseMs: 400 })
    expect([log.dropped, (await Array.fromAsync(log.read())).length]).toEqual([[], 3])
  })
})

test('a record whose checksum is right is never taken for damaged, whatever is in it: a later release may know', async () => {
  const file = tempFile()
  const { back } = openTemp({ file })
  const record = StoreKey.of(['p', 'journal', 2])
  const put = (payload: Payload) =>
    back.commit({
      reads: [],
      decide: () => [{ op: 'set', key: record, payload, expiresAt: undefined, meta: undefined, path: undefined }],
    })
  {
    await using db = await prevalent({ store: back, ...system })
    for (const cents of [1, 2, 3]) await db.execute('pay', cents)
  }
  const { entry } = back.readOne(record)
  const original = entry!.payload
  await put(Payload.bundle(back.codec, { first: 2, of: 'a later release' }, []))
  const whole = { name: 'CorruptError', mayBeWhole: true }
  await expect(prevalent({ store: back, ...system })).rejects.toMatchObject(whole)
  // Without a checksum of its bytes, as an earlier release wrote it, it is read all the same.
  await put(Payload.encode(back.codec, original.decode()))
  {
    await using db = await prevalent({ store: back, ...system })
    expect(db.state.cents).toBe(6)
  }
  await using db = await prevalent({ store: back, ...system })
  for (let i = 1; i < original.bytes.length; i++) {
    const bytes = Uint8Array.from(original.bytes)
    bytes[i]! ^= 0x20
    await put(Payload.fromBytes(back.codec, bytes))
    const damaged = { code: 'CORRUPT', mayBeWhole: false }
    await expect(Array.fromAsync(db.journal.read())).rejects.toMatchObject(damaged)
  }
})
