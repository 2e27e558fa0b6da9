import { type Back, type LogChange, subjectOf } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

export function describeTransactionLogs(start: StartStore): void {
  describe('a transaction that appends to a log', () => {
    it('commits the elements with everything else that it writes, in its order, each as a change of its own', async () => {
      const { store, back } = await start()
      await store.log('l').append('first')
      const before = await back.log.head()
      const { version } = await store.transaction((tx) => {
        tx.set('a', 1)
        tx.log('l').append('second')
        tx.set('b', 2)
        tx.log('l').appendMany(['third', 'fourth'])
        tx.log('other').append('its first')
      })
      expect(version).toBe(await back.log.head())
      expect(await Array.fromAsync(store.log('l'))).toEqual(['first', 'second', 'third', 'fourth'])
      expect(await Array.fromAsync(store.log('other'))).toEqual(['its first'])
      const changes = await changesAfter(back, before)
      expect(new Set(changes.map(({ first, last }) => `${first}..${last}`))).toEqual(
        new Set([`${before + 1}..${version}`]),
      )
      expect(changes.map(summary)).toEqual([
        ['set', 'a', 1],
        ['element', 'l', 'second'],
        ['element', 'l', 'third'],
        ['element', 'l', 'fourth'],
        ['set', 'b', 2],
        // What says that there is a log.
        ['set', 'other', expect.anything()],
        ['element', 'other', 'its first'],
      ])
      expect(await store.entry('other')).toMatchObject({ type: 'log' })
    })

    it('finds a log where it has appended, and none where it has deleted one', async () => {
      const { store } = await start()
      await store.log('l').append(1)
      const wrong = { code: 'WRONG_TYPE', message: expect.stringContaining('store.log(key)') }
      await store.transaction(async (tx) => {
        expect(await tx.has('new')).toBe(false)
        tx.log('new').appendMany([])
        expect(await tx.has('new')).toBe(false)
        tx.log('new').append(1)
        expect(await tx.has('new')).toBe(true)
        await expect(tx.get('new')).rejects.toMatchObject(wrong)
        expect(await tx.entry('new')).toBeUndefined()
        await expect(tx.get('l')).rejects.toMatchObject(wrong)
        tx.log('l').append(2)
        await expect(tx.get('l')).rejects.toMatchObject(wrong)
        expect(await tx.entry('l')).toMatchObject({ type: 'log' })
        expect(await store.log('l').length()).toBe(1)
        tx.delete('l')
        expect([await tx.has('l'), await tx.get('l')]).toEqual([false, undefined])
      })
      expect([await store.has('l'), await Array.fromAsync(store.log('new'))]).toEqual([false, [1]])
    })

    it('takes back what it appended when it sets or deletes the key, and begins another log after a delete', async () => {
      const { store, back, committed } = await start()
      await store.log('ended').append('old')
      await store.log('deleted').append('old')
      await store.log('replaced').append('old')
      await store.set('value', 1)
      await committed()
      const before = await back.log.head()
      await store.transaction((tx) => {
        tx.delete('ended')
        tx.log('ended').append('new')
        tx.log('deleted').append('taken back')
        tx.delete('deleted')
        tx.log('replaced').append('taken back')
        tx.set('replaced', 2)
        tx.delete('value')
        tx.log('value').append('element')
        tx.delete('nothing there')
        tx.log('nothing there').append('element')
        tx.log('never').append('taken back')
        tx.delete('never')
      })
      expect(await Array.fromAsync(store.log('ended'))).toEqual(['new'])
      expect(await store.has('deleted')).toBe(false)
      expect(await store.get('replaced')).toBe(2)
      expect(await Array.fromAsync(store.log('value'))).toEqual(['element'])
      expect(await Array.fromAsync(store.log('nothing there'))).toEqual(['element'])
      expect(await store.has('never')).toBe(false)
      const told = (await changesAfter(back, before)).map(summary)
      // The parts of what has ended are removed later.
      expect(told.slice(0, 10)).toEqual([
        ['delete', 'ended', undefined],
        ['set', 'ended', expect.anything()],
        ['element', 'ended', 'new'],
        ['delete', 'deleted', undefined],
        ['set', 'replaced', 2],
        ['delete', 'value', undefined],
        ['set', 'value', expect.anything()],
        ['element', 'value', 'element'],
        ['set', 'nothing there', expect.anything()],
        ['element', 'nothing there', 'element'],
      ])
    })

    it('writes nothing at all where the key holds a value or a blob', async () => {
      const { store, back, committed } = await start()
      await store.set('v', 1)
      await committed()
      await store.blob('b').write(new Uint8Array([1]))
      const head = await back.log.head()
      const wrong = { code: 'WRONG_TYPE' }
      for (const key of ['v', 'b']) {
        const refused = store.transaction((tx) => {
          tx.set('beside', 1)
          tx.log('l').append(1)
          tx.log(key).append(1)
        })
        await expect(refused).rejects.toMatchObject(wrong)
        await expect(store.transaction((tx) => tx.log(key).appendMany([]))).rejects.toMatchObject(wrong)
      }
      await store.transaction((tx) => {
        tx.set('mine', 1)
        expect(() => tx.log('mine').append(1)).toThrow(expect.objectContaining(wrong))
        tx.delete('mine')
      })
      expect([await store.has('beside'), await store.has('l'), await back.log.head()]).toEqual([false, false, head])
      expect(await store.get('v')).toBe(1)
    })

    it('refuses what an append refuses, and keeps elements as they were when they were appended', async () => {
      const { store } = await start()
      const element = { n: 1 }
      let log: { append(element: unknown): void }
      await store.transaction((tx) => {
        log = tx.log('l')
        tx.log('l').append(element)
        element.n = 2
        expect(() => tx.log('l').append(undefined)).toThrow(TypeError)
        expect(() => tx.log('l').appendMany([3, () => 1])).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }))
        expect(() => tx.log('l').append(3, { ttlMs: -1 })).toThrow(RangeError)
        expect(() => tx.log('l').append(3, { ifVersion: 0 } as object)).toThrow(TypeError)
      })
      expect(() => log.append(4)).toThrow(TypeError)
      expect(await Array.fromAsync(store.log('l'))).toEqual([{ n: 1 }])
    })

    it('says of the log what its first append says, when that begins it', async () => {
      const { store, clock } = await start()
      await store.transaction((tx) => {
        tx.log('l').appendMany([], { meta: 'of nothing' })
        tx.log('l').append(1, { ttlMs: 3_600_000, meta: 'first' })
        tx.log('l').append(2, { meta: 'second' })
      })
      await store.transaction((tx) => tx.log('l').append(3, { meta: 'third' }))
      expect(await store.entry('l', { consistency: 'linearizable' })).toMatchObject({ type: 'log', meta: 'first' })
      expect(await Array.fromAsync(store.log('l'))).toEqual([1, 2, 3])
      clock.step(3_600_001)
      await store.transaction((tx) => tx.log('l').append(4))
      expect(await Array.fromAsync(store.log('l'))).toEqual([4])
      expect((await store.entry('l'))!.meta).toBeUndefined()
    })

    it('that throws appends nothing, and one that runs again appends once', async () => {
      const { store } = await start()
      await store.set('n', 1)
      const thrown = new Error('no')
      const failed = store.transaction((tx) => {
        tx.log('l').append('never')
        throw thrown
      })
      await expect(failed).rejects.toBe(thrown)
      expect(await store.has('l')).toBe(false)
      let runs = 0
      await store.transaction(async (tx) => {
        const seen = await tx.get<number>('n')
        if (runs++ === 0) await store.set('n', 10)
        tx.log('l').append(seen)
      })
      expect([runs, await Array.fromAsync(store.log('l'))]).toEqual([2, [10]])
    })

    it('conflicts with nobody for what it appends', async () => {
      const { store } = await start()
      await store.log('l').append('before')
      let runs = 0
      await store.transaction(async (tx) => {
        runs++
        tx.log('l').append('mine')
        tx.log('m').append('mine')
        await store.log('l').append('theirs')
        await store.log('m').append('theirs')
      })
      expect(runs).toBe(1)
      expect(await Array.fromAsync(store.log('l'))).toEqual(['before', 'theirs', 'mine'])
      expect(await Array.fromAsync(store.log('m'))).toEqual(['theirs', 'mine'])
    })

    it('keeps a count and a log together, whoever appends at the same time', async () => {
      const { store } = await start()
      const count = (writer: number): Promise<unknown> =>
        store.transaction(
          async (tx) => {
            const n = ((await tx.get<number>('n')) ?? 0) + 1
            tx.set('n', n)
            tx.log('l').append({ writer, n })
          },
          { attempts: 100 },
        )
      const work = Array.from({ length: 12 }, (_, i) => [count(i), store.log('l').append({ writer: i, n: 0 })]).flat()
      await Promise.all(work)
      const elements = await Array.fromAsync(store.log<{ n: number }>('l'))
      expect(elements).toHaveLength(24)
      const counted = elements.map(({ n }) => n).filter((n) => n > 0)
      expect(counted).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
      expect(await store.get('n')).toBe(12)
    })
  })
}

async function changesAfter(back: Back, after: number): Promise<readonly LogChange[]> {
  return (await back.log.read({ after, limit: 100 })).changes
}

function summary({ op, key, payload }: LogChange): readonly unknown[] {
  const subject = subjectOf(key)
  return [subject === key ? op : 'element', subject.tuple[0], payload?.decode()]
}
