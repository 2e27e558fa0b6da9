import { StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

const CHUNK = 256 * 1024
const HOUR = 3_600_000

export function describeBlobWrites(start: StartStore): void {
  describe('the write of a blob', () => {
    it('goes by the options as they were when it was asked for', async () => {
      const { store, clock } = await start()
      const options = { meta: { name: 'first' }, tags: ['t'], expiresAt: new Date(clock.now() + HOUR) }
      const end = options.expiresAt.getTime()
      const source = (async function* () {
        yield new Uint8Array(5 * CHUNK)
        options.meta.name = 'second'
        options.tags.push('u')
        options.expiresAt.setTime(1)
        Object.assign(options, { ttlMs: -1, meta: () => {} })
      })()
      await store.blob('b').write(source, options)
      const { meta, expiresAt } = (await store.entry('b'))!
      expect([meta, expiresAt?.getTime()]).toEqual([{ name: 'first' }, end])
      await store.invalidateTag('u')
      expect(await store.has('b')).toBe(true)
      await store.invalidateTag('t')
      expect(await store.has('b')).toBe(false)
    })

    it('lets the time to live begin when the blob is there', async () => {
      const { store, clock } = await start()
      const source = (async function* () {
        yield new Uint8Array(5 * CHUNK)
        clock.step(1_000)
      })()
      const asked = clock.now()
      await store.blob('b').write(source, { ttlMs: HOUR })
      expect((await store.entry('b'))!.expiresAt!.getTime()).toBeGreaterThanOrEqual(asked + HOUR + 1_000)
    })

    // With nothing to go, it is the commit of the head that meets it.
    it.each([0, 1, 8])('whose lease is over says so in the words of the blob: %d chunks to go', async (rest) => {
      const { store, clock } = await start()
      const source = (async function* () {
        yield new Uint8Array(8 * CHUNK)
        clock.step(HOUR)
        yield new Uint8Array(rest * CHUNK)
      })()
      await expect(store.blob('b').write(source)).rejects.toMatchObject({
        code: 'LEASE_LOST',
        key: StoreKey.of('b').id,
        retryable: true,
        message: expect.stringMatching(/^the blob at b was not written: .* write it again$/),
      })
    })
  })
}
