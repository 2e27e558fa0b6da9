import { compressed } from '@tidemark/codecs'
import { type Codec, createCborCodec, createJsonCodec } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { alsoReading, buffered, type BufferedOptions, type Connector, open, type Tidemark } from 'tidemark'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { encrypting, KEY_1, KEY_2 } from './support/keys.ts'
import { META, openStore, VALUE } from './support/stored.ts'
import { tempFile } from './support/temp.ts'

const cbor = createCborCodec()
const json = createJsonCodec()
const zipped = compressed(cbor, { minBytes: 0 })
const keys = [KEY_1, KEY_2]

/** What wrote, what reads both while it is rewritten, and what reads afterwards. */
const changes: readonly [what: string, before: Codec, between: Codec, after: Codec][] = [
  ['serializer', cbor, alsoReading(json, cbor), json],
  ['compression, to none', zipped, alsoReading(json, zipped, cbor), json],
  ['compression, to some', json, compressed(alsoReading(cbor, json)), compressed(cbor)],
  ['encryption, to some', json, encrypting(alsoReading(zipped, json), { readsUnencrypted: true }), encrypting(zipped)],
  ['encryption, to none', encrypting(zipped), alsoReading(json, encrypting(zipped)), json],
  [
    'the key',
    encrypting(zipped),
    encrypting(zipped, { keys, current: 2 }),
    encrypting(zipped, { keys: [KEY_2], current: 2 }),
  ],
]

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))

/** While those who are gone may still be there. */
async function rewritten(file: string, codec: Codec): Promise<void> {
  const store = await open({ file, codec, clock: new ManualClock() })
  expect(await store.rewrite()).toMatchObject({ failed: 0 })
  expect(await store.rewrite()).toMatchObject({ rewritten: 0, failed: 0 })
  await store.close()
}

/** Its process is as good as gone: its leases are never renewed. Closed when the test ends, whatever becomes of that. */
async function openToBeGone(file: string, codec: Codec): Promise<Tidemark> {
  const store = await open({ file, codec, clock: new ManualClock(), writeBehind: { maxAgeMs: 60_000, leaseMs: 1_000 } })
  onTestFinished(() => store.close().catch(() => undefined))
  return store
}

/** When the leases of those who are gone have run out. */
function later(): ManualClock {
  const clock = new ManualClock()
  clock.advance(2_000)
  return clock
}

describe.each(changes)(
  'after a change of %s, and rewrite(), without the codec before',
  (_what, before, between, after) => {
    test('changes that are parked can be read and replayed', async () => {
      const file = tempFile()
      const first = await open({ file, codec: before })
      await first.set('k', VALUE, { meta: META })
      await first.delete('k')
      const fails = (): never => {
        throw new Error('not yet')
      }
      const options = { from: 'start', lanes: 1, attempts: 1, onFailure: 'park' } as const
      await (await first.consume('c', options, fails)).caughtUp()
      await first.close()
      await rewritten(file, between)
      const store = await openStore({ file, codec: after })
      const parked = await Array.fromAsync(store.parked('c'), ({ change }) => [change.op, change.value, change.meta])
      expect(parked).toEqual([
        ['set', VALUE, META],
        ['delete', undefined, undefined],
      ])
      const seen: unknown[] = []
      const consumer = await store.consume('c', { lanes: 1 }, ({ value }) => seen.push(value))
      await store.replayParked('c')
      await eventually('both were handled', () => seen.length === 2)
      await consumer.close()
      expect(seen).toEqual([VALUE, undefined])
    })

    test('what others have written behind, and left, is recovered', async () => {
      const file = tempFile()
      const gone = await openToBeGone(file, before)
      const behind = { writePolicy: 'write-behind' } as const
      await gone.set('k', VALUE, { ...behind, meta: META })
      await gone.set('l', { n: 0 }, behind)
      await gone.setIn('l', ['n'], 1, behind)
      await gone.checkpoint({ at: 1 })
      await rewritten(file, between)
      const store = await openStore({ file, codec: after, clock: later() })
      expect(await store.entry('k')).toMatchObject({ value: VALUE, meta: META })
      expect([await store.get('l'), await store.lastCheckpoint()]).toEqual([{ n: 1 }, { at: 1 }])
    })

    test('what a buffer has left is flushed, and its dead letters can be read', async () => {
      const file = tempFile()
      const values = new Map<string, unknown>()
      const connector: Connector = {
        id: 'map',
        connect: async () => {},
        disconnect: async () => {},
        read: async (queries) => queries.map(({ key }) => values.get(String(key))),
        write: async (writes) => {
          if (writes.some(({ key }) => key[0] === 'refused')) throw Object.assign(new Error('no'), { retryable: false })
          for (const { key, value } of writes) values.set(String(key), value)
        },
      }
      const options: BufferedOptions = { maxAgeMs: 60_000, leaseMs: 1_000 }
      const journal = await openToBeGone(file, before)
      const gone = await buffered(connector, { ...options, journal, clock: new ManualClock() })
      await gone.set('refused', VALUE)
      await expect(gone.flush()).rejects.toThrow()
      await gone.set('left', VALUE)
      await gone.delete('none')
      await rewritten(file, between)
      const clock = later()
      const store = await openStore({ file, codec: after, clock })
      const next = await buffered(connector, { ...options, journal: store, clock })
      onTestFinished(async () => void (await next.close().catch(() => undefined)))
      expect(values).toEqual(
        new Map([
          ['left', VALUE],
          ['none', undefined],
        ]),
      )
      const [letter] = await Array.fromAsync(next.deadLetters())
      expect(letter!.writes).toMatchObject([{ key: ['refused'], value: VALUE }])
    })
  },
)

test('what is parked because it cannot be read stays so, and is among what is left', async () => {
  const file = tempFile()
  const store = await openStore({ file, codec: encrypting() })
  const other = await open({ file, codec: encrypting(cbor, { keys, current: 2 }) })
  await other.set('k', 1)
  await other.close()
  const options = { from: 'start', lanes: 1, attempts: 1, onFailure: 'park' } as const
  await (await store.consume('c', options, ({ value }) => value)).caughtUp()
  const { failed, errors } = await store.rewrite()
  expect([failed, errors.map(({ message }) => message).join('\n')]).toEqual([3, expect.stringMatching(/mark.*parked/)])
})
