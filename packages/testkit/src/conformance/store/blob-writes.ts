import { afterTurn, StoreKey } from '@tidemark/core'
import { describe, expect, it, vi } from 'vitest'
import { eventually } from '../../waiting/eventually.ts'
import { countParts } from './part-counts.ts'
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

    it('that is ended by its signal is not there, also while its source gives nothing', async () => {
      const { store } = await start()
      await store.set('b', 'value')
      const stuck = Promise.withResolvers<void>()
      let cancelled: unknown
      let returned = false
      const sources = [
        new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new Uint8Array(5 * CHUNK)),
          pull: () => stuck.promise,
          cancel: (reason) => void (cancelled = reason),
        }),
        (async function* () {
          yield new Uint8Array(5 * CHUNK)
          await stuck.promise
        })(),
        {
          [Symbol.asyncIterator]: () => ({
            next: () => stuck.promise.then(() => ({ done: true as const, value: undefined })),
            return: () => ((returned = true), stuck.promise as Promise<never>),
          }),
        },
      ]
      for (const source of sources) {
        const stop = new AbortController()
        const reason = new Error('enough')
        const writing = store.blob('b').write(source, { signal: stop.signal })
        await new Promise<void>(afterTurn)
        stop.abort(reason)
        await expect(writing).rejects.toBe(reason)
        expect(await store.get('b')).toBe('value')
      }
      expect(cancelled).toMatchObject({ message: 'enough' })
      expect(returned).toBe(true)
      stuck.resolve()
    })

    it('that is ended between two chunks leaves nothing behind, and its source is told', async () => {
      const { store, back } = await start()
      const stop = new AbortController()
      let isEnded = false
      const source = (async function* () {
        try {
          yield new Uint8Array(6 * CHUNK)
          stop.abort()
          yield new Uint8Array(6 * CHUNK)
          expect.unreachable()
        } finally {
          isEnded = true
        }
      })()
      const writing = store.blob('b').write(source, { signal: stop.signal })
      await expect(writing).rejects.toMatchObject({ name: 'AbortError' })
      await eventually('its source is told', () => isEnded)
      expect(await store.has('b')).toBe(false)
      await eventually('nothing is left of it', async () => (await countParts(back)) === 0)
    })

    it('with a signal that has aborted reads nothing, and with one that does not abort is as any other', async () => {
      const { store } = await start()
      const asked = vi.fn<() => Promise<never>>()
      const source = { [Symbol.asyncIterator]: () => ({ next: asked }) }
      const writing = store.blob('b').write(source, { signal: AbortSignal.abort() })
      await expect(writing).rejects.toMatchObject({ name: 'AbortError' })
      expect(asked).not.toHaveBeenCalled()
      const { signal } = new AbortController()
      for (const bytes of [new Uint8Array(5 * CHUNK), new Blob([new Uint8Array(5 * CHUNK)])]) {
        expect(await store.blob('b').write(bytes, { signal })).toMatchObject({ size: 5 * CHUNK })
      }
      await expect(store.blob('b').write(new Uint8Array(1), { signal: {} as never })).rejects.toThrow('option signal')
    })

    it('refuses bytes that were given away: they are not an empty blob', async () => {
      const { store } = await start()
      const given = (size: number): Uint8Array => {
        const bytes = new Uint8Array(size)
        structuredClone(bytes, { transfer: [bytes.buffer] })
        return bytes
      }
      const pieces = (async function* () {
        yield new Uint8Array(10)
        yield given(10)
      })()
      for (const source of [given(10), given(10).buffer, pieces]) {
        await expect(store.blob('b').write(source as Uint8Array)).rejects.toBeInstanceOf(TypeError)
      }
      const bytes = new Uint8Array(40 * CHUNK)
      const writing = store.blob('b').write(bytes)
      await new Promise<void>(afterTurn)
      structuredClone(bytes, { transfer: [bytes.buffer] })
      await writing.then(
        ({ size }) => expect(size).toBe(40 * CHUNK),
        (error: unknown) => expect(error).toBeInstanceOf(TypeError),
      )
      expect([undefined, 40 * CHUNK]).toContain(await store.blob('b').size())
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
