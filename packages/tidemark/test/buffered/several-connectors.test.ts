import { describe, expect, test } from 'vitest'
import { FileConnector } from '../support/file-connector.ts'
import { buffered, type Connector, FlushFailure } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'

import { MapConnector, PATIENT, refused, turns } from './support/map-connector.ts'

describe('several connectors', () => {
  test('are read and merged, and all written to', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    a.values.set('x', { fromA: 1 })
    b.values.set('x', { fromB: 2 })
    b.values.set('y', 'only b')
    const first = await buffered([a, b], PATIENT)
    expect([await first.get('x'), await first.get('y')]).toEqual([{ fromA: 1 }, 'only b'])
    const merge = (values: readonly unknown[]): unknown => Object.assign({}, ...values) as unknown
    const merged = await buffered([a, b], { ...PATIENT, merge })
    expect(await merged.get('x')).toEqual({ fromA: 1, fromB: 2 })
    await merged.set('x', 3)
    await merged.close()
    expect([a.values.get('x'), b.values.get('x')]).toEqual([3, 3])
  })

  test('one that fails keeps the others from nothing, and they get nothing twice', async () => {
    const [a, b, c] = [new MapConnector('a'), new MapConnector('b'), new MapConnector('c')]
    const buffer = await buffered([a, b, c], PATIENT)
    await buffer.set('x', 1)
    b.failures.push(new Error('down'))
    await expect(buffer.flush()).rejects.toThrow('down')
    expect([a.batches.length, b.batches.length, c.batches.length]).toEqual([1, 0, 1])
    await buffer.flush()
    expect([a.batches.length, b.batches.length, c.batches.length]).toEqual([1, 1, 1])
    b.failures.push(refused())
    await buffer.set('y', 1)
    await expect(buffer.flush()).rejects.toMatchObject({ code: 'FLUSH_FAILED' })
    expect([a.values.get('y'), b.values.get('y'), c.values.get('y')]).toEqual([1, undefined, 1])
    await buffer.close()
  })

  test('what one refuses for good is not written to the others again', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    const write = b.write.bind(b)
    b.write = async (writes, context) => {
      if (writes.some(({ value }) => value === 'bad')) throw refused()
      return write(writes, context)
    }
    const buffer = await buffered<unknown>([a, b], PATIENT)
    for (const [key, value] of Object.entries({ x: 1, y: 2, z: 'bad', w: 3 })) await buffer.set(key, value)
    await expect(buffer.flush()).rejects.toThrow(FlushFailure)
    expect(a.batches.flat().map(({ value }) => value)).toEqual([1, 2, 'bad', 3])
    expect(b.batches.flat().map(({ value }) => value)).toEqual([1, 2, 3])
    await buffer.close()
  })

  test('one that answers fewer or more than it was asked is told so, and no default takes the place of what it has', async () => {
    const connector = new MapConnector()
    connector.values.set('x', 'stored')
    connector.read = async () => []
    const buffer = await buffered<unknown>(connector, { ...PATIENT, load: () => 'default' })
    await expect(buffer.get('x')).rejects.toThrow(/connector map .* 1 .*, not 0/)
    connector.read = (async () => undefined) as unknown as typeof connector.read
    await expect(buffer.update('x', (value) => value)).rejects.toThrow(TypeError)
    await expect(buffer.migrate({ from: 'map', to: new MapConnector('b'), all: ['x'] })).rejects.toThrow(
      /connector map/,
    )
    await buffer.close()
    expect(connector.batches).toEqual([])
  })

  test('migrate A to B while both are in use: B has everything, written before, during and after', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    const keys = Array.from({ length: 250 }, (_, i) => `k${i}`)
    for (const key of keys) a.values.set(key, 'old')
    const buffer = await buffered<unknown>(a, PATIENT)
    await buffer.set('k0', 'before')
    async function* all(): AsyncGenerator<unknown> {
      for (const [i, key] of keys.entries()) {
        yield key
        // A write, a flush, and a read between the batches of the copy.
        if (i === 99) await buffer.set('k5', 'during')
        if (i === 120) await buffer.flush()
        if (i === 150) await buffer.set('k200', 'during')
        if (i === 240) expect(await buffer.get('k9')).toBe('old')
      }
    }
    expect(await buffer.migrate({ from: 'a', to: b, all: all() })).toEqual({ copied: 250, refused: 0 })
    await buffer.set('k7', 'after')
    expect([await buffer.get('k11'), b.reads]).toEqual(['old', 1])
    await buffer.close()
    const expected = new Map(keys.map((key) => [key, 'old']))
    for (const [key, value] of [
      ['k0', 'before'],
      ['k5', 'during'],
      ['k200', 'during'],
      ['k7', 'after'],
    ] as const)
      expected.set(key, value)
    expect(b.values).toEqual(expected)
    expect([a.calls, a.values.get('k7')]).toEqual([['connect', 'disconnect'], 'old'])
  })

  test('what is flushed while a value is copied is not overwritten by the copy', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    a.values.set('x', 'old')
    const buffer = await buffered<unknown>(a, PATIENT)
    let flushed: Promise<void> | undefined
    const read = a.read.bind(a)
    a.read = async (queries) => {
      const values = await read(queries)
      await buffer.set('x', 'new')
      flushed = buffer.flush()
      await turns()
      return values
    }
    await buffer.migrate({ from: 'a', to: b, all: ['x'] })
    await flushed
    expect(b.values.get('x')).toBe('new')
    await buffer.close()
  })

  test('a flush that is under way is over before anybody lists what there is to copy', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    const buffer = await buffered<unknown>(a, PATIENT)
    await buffer.set('x', 1)
    const gate = Promise.withResolvers<void>()
    const write = a.write.bind(a)
    a.write = async (...args) => {
      await gate.promise
      return write(...args)
    }
    const flushing = buffer.flush()
    const all = async function* (): AsyncGenerator<unknown> {
      yield* a.values.keys()
    }
    const migrating = buffer.migrate({ from: 'a', to: b, all: all() })
    await turns()
    gate.resolve()
    await Promise.all([flushing, migrating])
    expect(b.values.get('x')).toBe(1)
    await buffer.close()
  })

  test('a migration that fails leaves the old one in use, and complete; it can be made again', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    a.values.set('x', 1)
    const buffer = await buffered<unknown>(a, PATIENT)
    b.failures.push(new Error('full'))
    await expect(buffer.migrate({ from: 'a', to: b, all: ['x'] })).rejects.toThrow('full')
    await buffer.set('x', 2)
    await buffer.flush()
    expect([a.values.get('x'), b.batches.length, b.calls]).toEqual([2, 0, ['connect', 'disconnect']])
    expect(await buffer.migrate({ from: 'a', to: b, all: ['x'] })).toEqual({ copied: 1, refused: 0 })
    expect(b.values.get('x')).toBe(2)
    await buffer.close()
  })

  test('one that is made again copies what has changed since the first, to whoever remembers tokens', async () => {
    const a = new MapConnector('a')
    const b = new FileConnector(tempFile())
    a.values.set('x', 1).set('y', 1)
    const buffer = await buffered<unknown>(a, PATIENT)
    const dying = async function* (): AsyncGenerator<unknown> {
      yield* ['x', 'y', ...Array.from({ length: 98 }, (_, i) => i)]
      throw new Error('no more')
    }
    await expect(buffer.migrate({ from: 'a', to: b as Connector<unknown>, all: dying() })).rejects.toThrow('no more')
    await buffer.set('x', 2)
    await buffer.delete('y')
    await buffer.flush()
    const all = ['x', 'y', ...Array.from({ length: 98 }, (_, i) => i)]
    expect(await buffer.migrate({ from: 'a', to: b as Connector<unknown>, all })).toEqual({ copied: 1, refused: 0 })
    expect(await b.read(['x', 'y'].map((key) => ({ key: [key], args: key })))).toEqual([2, undefined])
    await buffer.close()
  })

  test('takes the checkpoint along', async () => {
    const [a, b] = [new FileConnector(tempFile()), new FileConnector(tempFile())]
    const buffer = await buffered(a, PATIENT)
    await buffer.set('x', 1)
    await buffer.checkpoint({ handled: 7 })
    await buffer.flush()
    await buffer.migrate({ from: a.id, to: b, all: ['x'] })
    expect(await buffer.lastCheckpoint()).toEqual({ handled: 7 })
    expect(await b.checkpoints.last()).toEqual({ handled: 7 })
    await buffer.close()
  })
})
