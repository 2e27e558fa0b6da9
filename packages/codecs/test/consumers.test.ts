import { eventually } from '@tidemark/testkit'
import { open } from 'tidemark'
import { expect, test, vi } from 'vitest'
import { KEY_1, KEY_2, packed } from './support/keys.ts'
import { META, openStore, VALUE } from './support/stored.ts'
import { tempFile } from './support/temp.ts'

test('a consumer gets its changes, those that were parked too, when the key has been changed and given up meanwhile', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const file = tempFile()
  const first = await open({ file, codec: packed() })
  await first.set('k', VALUE, { meta: META })
  const failing = await first.consume('c', { from: 'start', lanes: 1, attempts: 1, onFailure: 'park' }, () => {
    throw new Error('not yet')
  })
  await failing.caughtUp()
  await first.close()
  const between = await open({ file, codec: packed('zstd', { keys: [KEY_1, KEY_2], current: 2 }) })
  expect((await between.rewrite()).failed).toBe(0)
  await between.close()
  const store = await openStore({ file, codec: packed('zstd', { keys: [KEY_2], current: 2 }) })
  const parked = await Array.fromAsync(store.parked('c'))
  expect(parked.map(({ change }) => [change.op === 'set' && change.value, change.meta])).toEqual([[VALUE, META]])
  const seen: unknown[] = []
  await store.consume('c', { lanes: 1 }, (change) => seen.push(change.value))
  await store.replayParked('c')
  await eventually('it was handled', () => seen.length === 1)
  expect(seen).toEqual([VALUE])
})

test('a consumer parks what cannot be decrypted, and goes on', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const file = tempFile()
  const store = await openStore({ file, codec: packed() })
  const writer = await open({ file, codec: packed('zstd', { keys: [KEY_1, KEY_2], current: 2 }) })
  await writer.set('a', VALUE)
  await writer.close()
  await store.set('b', 'readable')
  const seen: unknown[] = []
  const consumer = await store.consume('c', { from: 'start', lanes: 1, attempts: 1, onFailure: 'park' }, (change) =>
    seen.push(change.value),
  )
  await consumer.caughtUp()
  expect(seen).toEqual(['readable'])
  const parked = await Array.fromAsync(store.parked('c'))
  expect(parked).toHaveLength(1)
  expect(() => parked[0]!.change.value).toThrow(expect.objectContaining({ code: 'KEY_MISSING' }))
})
