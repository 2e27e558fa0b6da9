import { afterTurn, ALL_KEYS, type Back, type Proposal, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../waiting/eventually.ts'
import { scanAll } from '../back/scans.ts'
import type { StartStore } from './store-suite.ts'
import { turnsDuring } from './turns.ts'

const CHUNK = 256 * 1024

export function describeBlobs(start: StartStore): void {
  describe('a blob', () => {
    it('comes back from bytes, a stream, an async iterable and a Blob, with its type and size', async () => {
      const { store } = await start()
      const bytes = patterned(CHUNK + 17)
      const sources = {
        bytes,
        buffer: bytes.slice().buffer,
        blob: new Blob([bytes]),
        stream: new Blob([bytes]).stream(),
        pieces: pieces(bytes, 1_000),
      }
      for (const [key, source] of Object.entries(sources)) {
        expect(await store.blob(key).write(source, { meta: { name: key } })).toMatchObject({ size: bytes.length })
        expect(await store.entry(key)).toMatchObject({ type: 'blob', meta: { name: key } })
        expect(await store.blob(key).size()).toBe(bytes.length)
        expect(Buffer.compare(await collected(await store.blob(key).read()), bytes)).toBe(0)
        expect(Buffer.compare((await store.blob(key).bytes())!, bytes)).toBe(0)
      }
      expect(await Array.fromAsync(store.keys())).toEqual(
        Object.keys(sources)
          .toSorted()
          .map((key) => [key]),
      )
    })

    it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK, 5 * CHUNK + 3])('may have %d bytes', async (size) => {
      const { store } = await start()
      const bytes = patterned(size)
      await store.blob('b').write(pieces(bytes, 100_000))
      expect(await store.blob('b').size()).toBe(size)
      expect(Buffer.compare((await store.blob('b').bytes())!, bytes)).toBe(0)
    })

    it.each([
      [0, 10],
      [5, undefined],
      [CHUNK - 3, CHUNK + 3],
      [CHUNK, 2 * CHUNK],
      [2 * CHUNK + 1, 10 * CHUNK],
      [0, 0],
      [7, 3],
      [100 * CHUNK, undefined],
    ])('is read from %d to %s', async (from, end) => {
      const { store } = await start()
      const bytes = patterned(3 * CHUNK + 5)
      await store.blob('b').write(bytes)
      const read = await store.blob('b').bytes({ start: from, end })
      expect(Buffer.compare(read!, bytes.subarray(from, Math.max(from, end ?? bytes.length)))).toBe(0)
    })

    it('lets everyone else have their turn while it is read', async () => {
      const { store } = await start()
      await store.blob('b').write(new Uint8Array(40 * CHUNK))
      expect(await turnsDuring(() => store.blob('b').bytes())).toBeGreaterThanOrEqual(8)
    })

    it('that is absent is undefined', async () => {
      const { store } = await start()
      expect(await store.blob('b').read()).toBeUndefined()
      expect(await store.blob('b').bytes()).toBeUndefined()
      expect(await store.blob('b').size()).toBeUndefined()
    })

    it('is no value, and a value is no blob: both are told apart by a typed error', async () => {
      const { store } = await start()
      await store.blob('b').write(patterned(3))
      await store.set('v', 1)
      const wrong = { code: 'WRONG_TYPE', message: expect.stringContaining('store.blob(key)') }
      await expect(store.get('b')).rejects.toMatchObject(wrong)
      await expect(store.log('b').append(1)).rejects.toMatchObject(wrong)
      const other = { code: 'WRONG_TYPE', message: expect.stringContaining('store.get(key)') }
      await expect(store.blob('v').read()).rejects.toMatchObject(other)
      await expect(store.blob('v').size()).rejects.toMatchObject(other)
    })

    it('takes the place of what was there in one commit, whatever that was', async () => {
      const { store, back } = await start()
      await store.set('b', 'value')
      await store.blob('b').write(patterned(2 * CHUNK))
      await store.blob('b').write(patterned(10))
      expect(await store.blob('b').bytes()).toEqual(patterned(10))
      await store.set('b', 'again')
      expect(await store.get('b')).toBe('again')
      await eventually('nothing is left of what was replaced', async () => (await partsOf(back)) === 0)
    })

    it('whose source fails is not there, leaves nothing behind, and what was there stays', async () => {
      const { store, back } = await start()
      await store.set('b', 'value')
      const failure = new Error('no more')
      const broken = (async function* () {
        yield patterned(6 * CHUNK)
        throw failure
      })()
      await expect(store.blob('b').write(broken)).rejects.toBe(failure)
      expect(await store.get('b')).toBe('value')
      await eventually('nothing is left of what was replaced', async () => (await partsOf(back)) === 0)
    })

    it.each([0, 1, 2])(
      'of which commit %d was made, and nobody heard of it, is there as a whole or not at all',
      async (lost) => {
        const { store, back } = await start()
        await store.set('b', 'value')
        await Array.fromAsync(store.keys())
        const commit = back.commit.bind(back)
        let commits = 0
        back.commit = async (proposal: Proposal) => {
          const done = await commit(proposal)
          if (commits++ === lost) throw new Error('no reply')
          return done
        }
        await expect(store.blob('b').write(patterned(6 * CHUNK))).rejects.toThrow('no reply')
        back.commit = commit
        await store.sweep({ orphanAgeMs: 0 })
        const [entry] = await Array.fromAsync(store.entries())
        expect(entry!.type).toBe(lost === 2 ? 'blob' : 'value')
        expect(await partsOf(back)).toBe(lost === 2 ? 6 : 0)
        if (lost === 2) expect(Buffer.compare((await store.blob('b').bytes())!, patterned(6 * CHUNK))).toBe(0)
      },
    )

    it('is written under a condition, which is looked at before the source, and again in the end', async () => {
      const { store, back } = await start()
      const { version } = await store.blob('b').write(patterned(10))
      let isAsked = false
      const source = new ReadableStream<Uint8Array>(
        { pull: (controller) => ((isAsked = true), controller.close()) },
        { highWaterMark: 0 },
      )
      await expect(store.blob('b').write(source, { ifVersion: 0 })).rejects.toMatchObject({
        code: 'CONFLICT',
        currentVersion: version,
      })
      expect(isAsked).toBe(false)
      const slow = (async function* () {
        yield patterned(6 * CHUNK)
        await store.blob('b').write(patterned(11))
      })()
      await expect(store.blob('b').write(slow, { ifVersion: version })).rejects.toMatchObject({ code: 'CONFLICT' })
      expect(await store.blob('b').bytes()).toEqual(patterned(11))
      await eventually('nothing is left of what was replaced', async () => (await partsOf(back)) === 1)
      const { version: now } = (await store.entry('b'))!
      await expect(store.blob('b').bytes({ ifVersion: version })).rejects.toMatchObject({ code: 'CONFLICT' })
      expect(await store.blob('b').bytes({ ifVersion: now, start: 9 })).toEqual(patterned(11).subarray(9))
    })

    it('that is replaced while it is read is read to its end, or the reader is told: bytes are never mixed', async () => {
      const { store } = await start()
      const old = patterned(20 * CHUNK)
      await store.blob('b').write(old)
      const reader = (await store.blob('b').read())!.getReader()
      const first = await reader.read()
      await store.blob('b').write(new Uint8Array(20 * CHUNK).fill(255))
      const got = [first.value!]
      let error: unknown
      try {
        for (let next = await reader.read(); !next.done; next = await reader.read()) got.push(next.value)
      } catch (thrown) {
        error = thrown
      }
      const bytes = Buffer.concat(got)
      expect(Buffer.compare(bytes, old.subarray(0, bytes.length))).toBe(0)
      if (bytes.length < old.length) expect(error).toMatchObject({ code: 'REPLACED', retryable: true })
    })

    it('that has lost a chunk is damaged, and nothing else is given for it', async () => {
      const { store, back } = await start()
      const bytes = patterned(7 * CHUNK)
      await store.blob('b').write(bytes)
      const entries = await scanAll(back, ALL_KEYS, 100, false)
      const chunks = entries.filter(({ key }) => key.tuple[1] === 'chunk')
      await back.commit({ reads: [], decide: () => [{ op: 'delete', key: chunks[2]!.key }] })
      await expect(store.blob('b').bytes()).rejects.toMatchObject({ code: 'CORRUPT', key: StoreKey.of('b').id })
      expect(Buffer.compare((await store.blob('b').bytes({ end: 2 * CHUNK }))!, bytes.subarray(0, 2 * CHUNK))).toBe(0)
      const got: Uint8Array[] = []
      const reading = async (): Promise<void> => {
        const stream = (await store.blob('b').read())!
        for await (const piece of stream as unknown as AsyncIterable<Uint8Array>) got.push(piece)
      }
      await expect(reading()).rejects.toMatchObject({ code: 'CORRUPT' })
      expect(Buffer.compare(Buffer.concat(got), bytes.subarray(0, 2 * CHUNK))).toBe(0)
      const rest = await store.blob('b').bytes({ start: 3 * CHUNK })
      expect(Buffer.compare(rest!, bytes.subarray(3 * CHUNK))).toBe(0)
    })

    it('is read no faster than it is taken, and its source is asked no faster than it is stored', async () => {
      const { store } = await start()
      let asked = 0
      const source = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            asked += 1
            if (asked > 64) controller.close()
            else controller.enqueue(patterned(CHUNK))
          },
        },
        { highWaterMark: 0 },
      )
      const writing = store.blob('b').write(source)
      await new Promise<void>(afterTurn)
      expect(asked).toBeLessThanOrEqual(8)
      await writing
      const stream = (await store.blob('b').read())!
      await stream.cancel()
      expect(await store.blob('b').size()).toBe(64 * CHUNK)
    })

    it.each(['text', 7, null, {}, [1, 2], () => patterned(1)])('is not written from %j', async (source) => {
      const { store } = await start()
      await expect(store.blob('b').write(source as never)).rejects.toThrow(TypeError)
      const texts = (async function* () {
        yield 'text'
      })()
      await expect(store.blob('b').write(texts as never)).rejects.toThrow(TypeError)
      expect(await store.has('b')).toBe(false)
    })

    it('expires as any entry does, and what it was made of goes with it', async () => {
      const { store, back, clock } = await start()
      await store.blob('b').write(patterned(2 * CHUNK), { ttlMs: 3_600_000 })
      clock.step(3_600_001)
      expect(await store.blob('b').read()).toBeUndefined()
      expect(await partsOf(back)).toBe(2)
      await back.expire(10)
      await eventually('nothing is left of what was replaced', async () => (await partsOf(back)) === 0)
    })
  })
}

/** Not the same in any two chunks. */
function patterned(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = i * 31 + (i >>> 8) * 17 + (i >>> 16)
  return bytes
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function collected(stream: ReadableStream<Uint8Array> | undefined): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

async function partsOf(back: Back): Promise<number> {
  const entries = await scanAll(back, ALL_KEYS, 1_000, false)
  return entries.filter(({ key }) => key.tuple[1] === 'chunk').length
}
