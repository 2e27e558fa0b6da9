import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { FileConnector } from '../support/file-connector.ts'
import { ManualClock } from '@tidemark/testkit'
import { buffered, type Connector, createJsonCodec, open } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'

import { MapConnector, PATIENT, turns } from './support/map-connector.ts'

describe('Persistroids: a buffer before a connector', () => {
  test('its session: three lookups, one read, three writes, one flush', async () => {
    const file = tempFile()
    const buffer = await buffered(new FileConnector(file))
    for (let i = 0; i < 3; i++) await buffer.set('key', ((await buffer.get<number>('key')) ?? 0) + 1)
    const { total, keys } = await buffer.close()
    expect(total).toEqual({ lookups: 3, reads: 1, writes: 3, flushes: 1 })
    expect([...keys.values()]).toEqual([total])
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ values: { '["key"]': 3 } })
  })

  test('connect comes first, disconnect last; what is written is read back, and persisted together', async () => {
    const map = new MapConnector()
    map.values.set('a', 1)
    const buffer = await buffered(map, PATIENT)
    expect(await buffer.getMany(['a', 'a', 'b'])).toEqual([1, 1, undefined])
    await buffer.set('a', 2)
    await buffer.setMany([
      ['b', { n: 1 }],
      ['c', 3],
    ])
    await buffer.delete('c')
    expect([await buffer.getMany(['a', 'b', 'c']), await buffer.has('c')]).toEqual([[2, { n: 1 }, undefined], false])
    expect([map.reads, map.batches.length]).toEqual([2, 0])
    await buffer.close()
    expect(map.batches).toEqual([
      [
        { key: ['a'], args: ['a'], value: 2 },
        { key: ['b'], args: ['b'], value: { n: 1 } },
        { key: ['c'], args: ['c'], value: undefined },
      ],
    ])
    expect(map.calls).toEqual(['connect', 'disconnect'])
    await expect(buffer.get('a')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('what a reader does to a value changes nobody else’s', async () => {
    const buffer = await buffered(new MapConnector(), PATIENT)
    const given = { list: [1], at: new Date(0) }
    await buffer.set('a', given)
    given.list.push(2)
    const got = (await buffer.get<{ list: number[]; at: Date }>('a'))!
    got.at.setTime(1)
    expect(await buffer.get('a')).toEqual({ list: [1], at: new Date(0) })
    await buffer.close()
  })

  test('updates of one key come one after the other, and each sees the last', async () => {
    const map = new MapConnector()
    map.values.set('n', 100)
    const buffer = await buffered(map, PATIENT)
    await Promise.all(Array.from({ length: 50 }, () => buffer.update<number>('n', (n) => n! + 1)))
    await Promise.all([buffer.set('n', 0), buffer.update<number>('n', (n) => n! + 1), buffer.set('m', 1)])
    expect(await buffer.update<number>('n', (n) => n! + 1)).toEqual({ old: 1, new: 2 })
    await expect(
      buffer.update('n', () => {
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect([await buffer.get('n'), map.reads]).toEqual([2, 1])
    await buffer.close()
    expect(map.values.get('n')).toBe(2)
  })

  test('init-fn: load makes what no connector has, once, and it is not written', async () => {
    const map = new MapConnector()
    let loads = 0
    const load = (key: unknown): unknown => {
      loads++
      return key === 'none' ? undefined : { made: key }
    }
    const buffer = await buffered(map, { ...PATIENT, load })
    expect(await Promise.all([buffer.get('a'), buffer.get('a'), buffer.get('none')])).toEqual([
      { made: 'a' },
      { made: 'a' },
      undefined,
    ])
    expect([await buffer.get('a'), await buffer.get('none'), loads]).toEqual([{ made: 'a' }, undefined, 2])
    await buffer.close()
    expect(map.batches).toEqual([])
  })

  test('cache-key: keyOf finds what identifies a value; the connector gets the arguments', async () => {
    interface Args {
      readonly user: number
      readonly at: number
    }
    const map = new MapConnector<Args>()
    const buffer = await buffered<Args>(map, { ...PATIENT, keyOf: ({ user }) => ['user', user] })
    await buffer.set({ user: 1, at: 10 }, 'first')
    await buffer.set({ user: 1, at: 20 }, 'second')
    expect([await buffer.get({ user: 1, at: 30 }), await buffer.get({ user: 2, at: 30 })]).toEqual([
      'second',
      undefined,
    ])
    await buffer.flush()
    expect(map.batches).toEqual([[{ key: ['user', 1], args: { user: 1, at: 20 }, value: 'second' }]])
    await buffer.close()
  })

  test('flushes by count and by time', async () => {
    const clock = new ManualClock()
    const map = new MapConnector()
    const buffer = await buffered(map, { clock, maxDirty: 3, maxAgeMs: 1_000 })
    for (const key of ['a', 'b', 'c']) await buffer.set(key, 1)
    await turns()
    expect(map.batches.length).toBe(1)
    await buffer.set('a', 2)
    await turns()
    clock.advance(999)
    await turns()
    expect(map.batches.length).toBe(1)
    clock.advance(1)
    await turns()
    expect(map.values.get('a')).toBe(2)
    await buffer.close()
  })

  test('on eviction: what has to leave the cache before it is persisted starts a flush', async () => {
    const map = new MapConnector()
    const buffer = await buffered(map, { ...PATIENT, cache: { maxEntries: 2 } })
    await buffer.set('a', 1)
    await buffer.set('b', 1)
    await turns()
    expect(map.batches.length).toBe(0)
    await buffer.set('c', 1)
    expect(await buffer.get('a')).toBe(1)
    await turns()
    expect(map.batches.length).toBe(1)
    expect([await buffer.get('a'), map.reads]).toEqual([1, 1])
    await buffer.close()
  })

  test('the cache is bounded; in the weak mode, what the application holds on to is found again', async () => {
    const map = new MapConnector()
    for (const key of ['a', 'b', 'c']) map.values.set(key, { key })
    for (const weak of [false, true]) {
      map.reads = 0
      const buffer = await buffered(map, { ...PATIENT, cache: { maxEntries: 1, weak } })
      const held = await buffer.get('a')
      await buffer.get('b')
      await buffer.get('c')
      expect(map.reads).toBe(3)
      const again = await buffer.get('a')
      expect([map.reads, again === held]).toEqual(weak ? [3, true] : [4, false])
      await buffer.set('a', { key: 'new' })
      await buffer.set('z', 1)
      await buffer.flush()
      expect(await buffer.get('a')).toEqual({ key: 'new' })
      map.values.set('a', { key: 'a' })
      await buffer.close()
    }
  })

  test('a read that was under way when its key was written is not remembered', async () => {
    const map = new MapConnector()
    const gate = Promise.withResolvers<void>()
    const slow: Connector = {
      id: 'slow',
      connect: async () => {},
      disconnect: async () => {},
      read: async (queries) => {
        const values = await map.read(queries)
        await gate.promise
        return values
      },
      write: (writes, context) => map.write(writes, context),
    }
    map.values.set('a', 'old')
    const buffer = await buffered(slow, PATIENT)
    const reading = buffer.get('a')
    await turns()
    await buffer.set('a', 'new')
    await buffer.flush()
    gate.resolve()
    expect([await reading, await buffer.get('a')]).toEqual(['old', 'new'])
    await buffer.close()
  })

  test('options and connectors that are wrong are refused by name', async () => {
    const map = new MapConnector()
    await expect(buffered([])).rejects.toThrow(/needs a connector/)
    await expect(buffered({ id: 'x' } as never)).rejects.toThrow(/connect, disconnect, read, write/)
    await expect(buffered([map, new MapConnector()])).rejects.toThrow(/two connectors of a buffer have the id map/)
    await expect(buffered(map, { maxSize: 1 } as never)).rejects.toThrow(/unknown option maxSize of buffered/)
    await expect(buffered(map, { cache: { maxEntries: -1 } })).rejects.toThrow(/cache.maxEntries/)
    await expect(buffered(map, { journal: {} as never })).rejects.toThrow(/journal must be an opened store/)
    await using journal = await open()
    await expect(buffered(map, { journal, codec: createJsonCodec() })).rejects.toThrow(/codec goes without a journal/)
    await expect((await buffered(map)).set('a', undefined)).rejects.toThrow(/undefined means absent/)
    await expect((await buffered(map)).checkpoint(1)).rejects.toThrow(/no connector of this buffer stores checkpoints/)
  })
})
