import { codec } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { Payload } from '../../src/codec/payload.ts'
import { StoreKey } from '../../src/keys/store-key.ts'
import { standingWithReaders } from '../../src/store/standing-with-readers.ts'

test('what is noted beside an entry may be damaged: that is said, and stops nobody', async () => {
  const meta = Payload.encodeWithNotes(codec, Uint8Array.of(9, 9), { by: 'a' })
  const payload = Payload.encode(codec, 1)
  const entry = { key: StoreKey.of('k'), version: 3, payload, writtenAt: 0, expiresAt: undefined, meta }
  const standing = await standingWithReaders(entry, 0, () => Promise.reject(new Error('nothing to ask')))
  expect(standing).toMatchObject({ state: 'damaged', error: { code: 'CORRUPT', key: 'k' } })
})
