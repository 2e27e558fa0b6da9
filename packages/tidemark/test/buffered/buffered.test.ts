import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { FileConnector } from '../support/file-connector.ts'
import { HttpConnector } from '../support/http-connector.ts'
import { ManualClock } from '@tidemark/testkit'
import {
  buffered,
  type Connector,
  type ConnectorWrite,
  FlushFailure,
  type FlushContext,
  open,
} from '../../src/index.ts'
import { startService } from '../support/service.ts'
import { tempFile } from '../support/temp.ts'

/** Values in a Map, with what it was asked. */
class MapConnector<A = unknown> implements Connector<A> {
  readonly id: string
  readonly values = new Map<string, unknown>()
  readonly batches: (readonly ConnectorWrite<A>[])[] = []
  readonly contexts: FlushContext[] = []
  readonly calls: string[] = []
  reads = 0
  /** What the next writes fail with. */
  readonly failures: unknown[] = []

  constructor(id = 'map') {
    this.id = id
  }

  async connect(): Promise<void> {
    this.calls.push('connect')
  }

  async disconnect(): Promise<void> {
    this.calls.push('disconnect')
  }

  async read(queries: Parameters<Connector<A>['read']>[0]): Promise<readonly unknown[]> {
    this.reads += queries.length
    return queries.map(({ key }) => this.values.get(key.join('/')))
  }

  async write(writes: readonly ConnectorWrite<A>[], context: FlushContext): Promise<void> {
    if (this.failures.length > 0) throw this.failures.shift()
    this.batches.push(writes)
    this.contexts.push(context)
    for (const { key, value } of writes) {
      if (value === undefined) this.values.delete(key.join('/'))
      else this.values.set(key.join('/'), value)
    }
  }
}

const PATIENT = { maxAgeMs: 600_000, onError: () => {} }
const refused = (): Error => Object.assign(new Error('refused'), { retryable: false })

async function turns(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

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
    await expect((await buffered(map)).set('a', undefined)).rejects.toThrow(/undefined means absent/)
    await expect((await buffered(map)).checkpoint(1)).rejects.toThrow(/no connector of this buffer stores checkpoints/)
  })
})

describe('when a connector fails', () => {
  test('the same writes come again under the same token, and what is written meanwhile comes after them', async () => {
    const clock = new ManualClock()
    const map = new MapConnector()
    const errors: unknown[] = []
    const buffer = await buffered(map, {
      clock,
      maxAgeMs: 600_000,
      random: () => 0,
      onError: (error) => errors.push(error),
    })
    await buffer.set('a', 1)
    map.failures.push(new Error('down'))
    await expect(buffer.flush()).rejects.toThrow('down')
    await buffer.set('a', 2)
    expect(await buffer.get('a')).toBe(2)
    await turns()
    clock.advance(25)
    await turns()
    expect(map.batches).toEqual([[{ key: ['a'], args: ['a'], value: 1 }]])
    await buffer.flush()
    expect(map.batches.at(-1)).toEqual([{ key: ['a'], args: ['a'], value: 2 }])
    expect([errors.length, new Set(map.contexts.map(({ token }) => token)).size]).toEqual([1, 2])
    await buffer.close()
  })

  test('what it refuses for good is found, set aside with its payload, and keeps nothing else back', async () => {
    const service = await startService()
    service.refuses = ({ key }) => key === '["bad"]'
    const buffer = await buffered(new HttpConnector(service.url), PATIENT)
    for (const key of ['a', 'b', 'bad', 'c', 'd']) await buffer.set(key, { of: key })
    await expect(buffer.flush()).rejects.toBeInstanceOf(FlushFailure)
    expect([...service.values.keys()].toSorted()).toEqual(['["a"]', '["b"]', '["c"]', '["d"]'])
    const [letter, ...others] = await Array.fromAsync(buffer.deadLetters())
    expect(letter).toMatchObject({
      error: { message: '422 refused' },
      writes: [{ key: ['bad'], value: { of: 'bad' } }],
    })
    expect(others).toEqual([])
    await buffer.set('a', 1)
    await buffer.close()
    expect(service.values.get('["a"]')).toBe(1)
  })

  test('a service that is down, or whose reply is lost, gets every write, and once', async () => {
    const service = await startService()
    const buffer = await buffered(new HttpConnector(service.url), PATIENT)
    expect(await buffer.get('a')).toBeUndefined()
    await buffer.set('a', 1)
    service.trouble.push(503)
    await expect(buffer.flush()).rejects.toThrow('503')
    service.trouble.push('lost')
    await expect(buffer.flush()).rejects.toThrow()
    await buffer.flush()
    expect(service.taken).toEqual([[{ key: '["a"]', value: 1 }]])
    await buffer.close()
  })

  test('close rejects with what the last flush failed with, and disconnects all the same', async () => {
    const map = new MapConnector()
    const buffer = await buffered(map, PATIENT)
    await buffer.set('a', 1)
    map.failures.push(new Error('down'))
    await expect(buffer.close()).rejects.toThrow('down')
    expect(map.calls).toEqual(['connect', 'disconnect'])
  })
})

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
    expect(await buffer.migrate({ from: 'a', to: b, all: all() })).toEqual({ copied: 250 })
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
    expect(await buffer.migrate({ from: 'a', to: b, all: ['x'] })).toEqual({ copied: 1 })
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
    expect(await buffer.migrate({ from: 'a', to: b as Connector<unknown>, all })).toEqual({ copied: 1 })
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

describe('with a journal', () => {
  test('what is acknowledged survives a process that is gone, comes out once, with its checkpoint', async () => {
    const [journal, file] = [tempFile(), tempFile()]
    const clock = new ManualClock()
    await using store = await open({ file: journal, clock })
    const options = { ...PATIENT, journal: store, name: 'orders', leaseMs: 1_000 }
    // Its own clock stands still: its lease is never renewed.
    const gone = await buffered(new FileConnector(file), { ...options, clock: new ManualClock() })
    await gone.setMany([
      ['a', 1],
      ['b', 1],
    ])
    await gone.checkpoint({ at: 1 })
    await gone.delete('a')
    expect([await gone.lastCheckpoint(), await store.head()]).toEqual([{ at: 1 }, 0])
    clock.advance(1_000)
    const connector = new FileConnector(file)
    await using next = await buffered(connector, { ...options, clock })
    expect([await next.getMany(['a', 'b']), await next.lastCheckpoint()]).toEqual([[undefined, 1], { at: 1 }])
    expect(connector.writes).toBe(1)
    // The other one was only slow: it finds out, flushes nothing of it, and goes on.
    await writeFile(file, JSON.stringify({ values: { '["b"]': 'newer' } }))
    await gone.set('c', 1)
    await gone.close()
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ values: { '["b"]': 'newer', '["c"]': 1 } })
  })

  test('what others have left comes first: a buffer does not open before it is persisted', async () => {
    const clock = new ManualClock()
    await using store = await open({ file: tempFile(), clock })
    const map = new MapConnector()
    const options = { ...PATIENT, journal: store, leaseMs: 1_000 }
    const gone = await buffered(map, { ...options, clock: new ManualClock() })
    await gone.set('a', 'left')
    // It may still be there, and is waited for.
    let isOpen = false
    const opening = buffered(map, { ...options, clock }).then((next) => {
      isOpen = true
      return next
    })
    await turns()
    expect([isOpen, map.values.get('a')]).toEqual([false, undefined])
    map.failures.push(new Error('down'))
    clock.advance(1_100)
    await expect(opening).rejects.toThrow('down')
    await using next = await buffered(map, { ...options, clock })
    expect([map.values.get('a'), await next.get('a')]).toEqual(['left', 'left'])
  })

  test('a journal that cannot be written refuses the write, and memory is unchanged', async () => {
    const store = await open({ file: tempFile() })
    const map = new MapConnector()
    const buffer = await buffered(map, { ...PATIENT, journal: store })
    await buffer.set('a', 1)
    await store.close()
    await expect(buffer.set('a', 2)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await buffer.get('a')).toBe(1)
    await expect(buffer.close()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
