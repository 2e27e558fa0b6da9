import { ManualClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { buffered, type Connector, open } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'

import { MapConnector, PATIENT, refused, turns } from './support/map-connector.ts'

/** Its next calls of a kind wait until they may go on. */
function gated(connector: MapConnector, call: 'connect' | 'read' | 'write'): () => void {
  const gate = Promise.withResolvers<void>()
  const run = connector[call].bind(connector) as (...args: unknown[]) => Promise<never>
  connector[call] = async (...args: unknown[]) => {
    await gate.promise
    return run(...args)
  }
  return () => gate.resolve()
}

/** Every write of it fails from now on. */
function down(connector: MapConnector): { isDown: boolean } {
  const state = { isDown: true }
  const write = connector.write.bind(connector)
  connector.write = async (...args) => {
    if (state.isDown) throw new Error('down')
    return write(...args)
  }
  return state
}

describe('a migration', () => {
  test('gives the new one what is written from the call on, also before it has joined', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    const goOn = gated(a, 'write')
    const buffer = await buffered<unknown>(a, { ...PATIENT, maxDirty: 2 })
    await buffer.set('k0', 0)
    const flushing = buffer.flush()
    const migrating = buffer.migrate({ from: 'a', to: b, all: ['k0'] })
    await buffer.setMany([
      ['new0', 0],
      ['new1', 1],
    ])
    goOn()
    await Promise.all([flushing, migrating])
    await buffer.close()
    expect(Object.fromEntries(b.values)).toEqual({ k0: 0, new0: 0, new1: 1 })
  })

  test('to one that cannot be connected, or only too late, leaves it as it was', async () => {
    const clock = new ManualClock()
    const [a, b, c] = [new MapConnector('a'), new MapConnector('b'), new MapConnector('c')]
    const buffer = await buffered<unknown>(a, { ...PATIENT, clock, timeoutMs: 1_000 })
    b.connect = () => Promise.reject(new Error('no route'))
    await expect(buffer.migrate({ from: 'a', to: b, all: [] })).rejects.toThrow('the connector b failed: no route')
    const goOn = gated(c, 'connect')
    const migrating = buffer.migrate({ from: 'a', to: c, all: [] }).catch((error: unknown) => error)
    await turns()
    clock.advance(1_000)
    expect(await migrating).toMatchObject({ code: 'TIMEOUT', tier: 'c' })
    expect([b.calls, c.calls]).toEqual([[], []])
    goOn()
    await turns()
    expect(c.calls).toEqual(['connect', 'disconnect'])
    await buffer.close()
  })

  test('misses nothing while the new one takes its time to connect', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    a.values.set('k', 'old')
    const goOn = gated(b, 'connect')
    const buffer = await buffered<unknown>(a, PATIENT)
    const migrating = buffer.migrate({ from: 'a', to: b, all: ['k'] })
    await buffer.set('new', 1)
    void buffer.flush()
    await turns()
    expect([a.values.get('new'), b.batches]).toEqual([1, []])
    goOn()
    await migrating
    expect(Object.fromEntries(b.values)).toEqual({ k: 'old', new: 1 })
    await buffer.close()
  })

  test('does not take the flush by age from what is written while it copies', async () => {
    const clock = new ManualClock()
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    a.values.set('k', 'old')
    const goOn = gated(a, 'read')
    const buffer = await buffered<unknown>(a, { clock, maxAgeMs: 1_000, onError: () => {} })
    const migrating = buffer.migrate({ from: 'a', to: b, all: ['k'] })
    await turns()
    await buffer.set('new', 1)
    clock.advance(1_000)
    await turns()
    goOn()
    await migrating
    clock.advance(1_000)
    await turns()
    expect(b.values.get('new')).toBe(1)
    await buffer.close()
  })

  test('to one that goes down, with a flush in between, fails, and the old one is complete and alone', async () => {
    const clock = new ManualClock()
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    const keys = Array.from({ length: 300 }, (_, i) => `k${i}`)
    for (const key of keys) a.values.set(key, 'old')
    const buffer = await buffered<unknown>(a, { ...PATIENT, clock })
    async function* all(): AsyncGenerator<unknown> {
      for (const [i, key] of keys.entries()) {
        yield key
        if (i !== 150) continue
        down(b)
        await buffer.set('x', 1)
        await buffer.flush().catch(() => undefined)
      }
    }
    await expect(buffer.migrate({ from: 'a', to: b, all: all() })).rejects.toThrow(/connector b .*down/)
    expect(a.values.get('x')).toBe(1)
    await buffer.set('y', 1)
    await buffer.flush()
    await buffer.close()
    expect([a.values.get('x'), a.values.get('y'), b.calls]).toEqual([1, 1, ['connect', 'disconnect']])
  })

  test('from one that fails at the end comes to its end all the same', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    a.values.set('k', 1)
    const buffer = await buffered<unknown>(a, PATIENT)
    async function* all(): AsyncGenerator<unknown> {
      yield 'k'
      down(a)
      await buffer.set('x', 1)
      await buffer.flush().catch(() => undefined)
    }
    expect(await buffer.migrate({ from: 'a', to: b, all: all() })).toEqual({ copied: 1, refused: 0 })
    await buffer.set('y', 1)
    await buffer.flush()
    await buffer.close()
    expect(Object.fromEntries(b.values)).toEqual({ k: 1, x: 1, y: 1 })
  })

  test('is called off by close(), before connectors are let go', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    a.values.set('k', 1)
    const goOn = gated(a, 'read')
    const buffer = await buffered<unknown>(a, PATIENT)
    const migrating = buffer.migrate({ from: 'a', to: b, all: ['k', 'l'] })
    await turns()
    const closing = buffer.close()
    goOn()
    await expect(migrating).rejects.toMatchObject({ code: 'CLOSED' })
    await closing
    expect([a.calls, b.calls]).toEqual([
      ['connect', 'disconnect'],
      ['connect', 'disconnect'],
    ])
  })

  test('is called off by close() while who lists the values waits for something', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    const buffer = await buffered<unknown>(a, PATIENT)
    async function* never(): AsyncGenerator<unknown> {
      yield 'k'
      await new Promise(() => {})
    }
    const migrating = buffer.migrate({ from: 'a', to: b, all: never() })
    await turns()
    const closing = buffer.close()
    await expect(migrating).rejects.toMatchObject({ code: 'CLOSED' })
    await closing
  })

  test('is called off by its signal, and tells how far it has come', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    const keys = Array.from({ length: 250 }, (_, i) => `k${i}`)
    for (const key of keys) a.values.set(key, 'old')
    const buffer = await buffered<unknown>(a, PATIENT)
    const calling = new AbortController()
    const told: number[] = []
    const onProgress = ({ copied }: { readonly copied: number }): void => {
      if (told.push(copied) === 2) calling.abort(new Error('not today'))
    }
    const migration = { from: 'a', to: b, all: keys, signal: calling.signal, onProgress }
    await expect(buffer.migrate(migration)).rejects.toThrow('not today')
    await buffer.set('k0', 'new')
    await buffer.flush()
    expect([told, a.values.get('k0'), b.values.get('k0'), b.calls]).toEqual([
      [100, 200],
      'new',
      'old',
      ['connect', 'disconnect'],
    ])
    await buffer.close()
  })

  test('does not let a copy that takes its time come after what is flushed', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    a.values.set('x', 'old')
    const goOn = gated(b, 'write')
    const buffer = await buffered<unknown>(a, PATIENT)
    const migrating = buffer.migrate({ from: 'a', to: b, all: ['x'] })
    await turns()
    await buffer.set('x', 'new')
    // Later calls are not held up.
    b.write = MapConnector.prototype.write.bind(b)
    const flushing = buffer.flush()
    await turns()
    expect([a.values.get('x'), b.values.has('x')]).toEqual(['new', false])
    goOn()
    await Promise.all([migrating, flushing])
    expect(b.values.get('x')).toBe('new')
    await buffer.close()
  })

  test('keeps what only the new one gets in the journal until it is over: the old one is complete for who opens with that', async () => {
    const clock = new ManualClock()
    await using store = await open({ file: tempFile(), clock })
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    const options = { ...PATIENT, journal: store, name: 'n', leaseMs: 1_000 }
    const gone = await buffered<unknown>(a, { ...options, clock: new ManualClock() })
    // It never lets go.
    a.disconnect = () => new Promise(() => {})
    void gone.migrate({ from: 'a', to: b, all: [] })
    while (b.calls.length === 0) await turns()
    await turns()
    await gone.set('x', 'acknowledged')
    void gone.flush()
    await turns()
    clock.advance(1_000)
    const next = await buffered<unknown>(new MapConnector('a'), { ...options, clock })
    expect(await next.get('x')).toBe('acknowledged')
    await next.close()
  })

  test('puts the new one in the place of the old one', async () => {
    const [a, legacy, b] = [new MapConnector('a'), new MapConnector('legacy'), new MapConnector('b')]
    a.values.set('x', 'fresh')
    legacy.values.set('x', 'stale')
    const buffer = await buffered<unknown>([a, legacy], { ...PATIENT, cache: { maxEntries: 0 } })
    await buffer.migrate({ from: 'a', to: b, all: ['x'] })
    expect(await buffer.get('x')).toBe('fresh')
    await buffer.close()
  })

  test('sets aside what the new one refuses for good, and copies the rest', async () => {
    const [a, b] = [new MapConnector('a'), new MapConnector('b')]
    const keys = Array.from({ length: 120 }, (_, i) => `k${i}`)
    for (const [i, key] of keys.entries()) a.values.set(key, i)
    const write = b.write.bind(b)
    b.write = async (writes, context) => {
      if (writes.some(({ value }) => value === 50 || value === 'bad')) throw refused()
      return write(writes, context)
    }
    const buffer = await buffered<unknown>(a, PATIENT)
    expect(await buffer.get('k50')).toBe(50)
    // A dead letter of a flush is no business of it, either.
    await buffer.set('x', 'bad')
    expect(await buffer.migrate({ from: 'a', to: b, all: keys })).toEqual({ copied: 119, refused: 1 })
    expect([b.values.size, b.values.get('k51'), b.values.has('k50')]).toEqual([119, 51, false])
    expect(await buffer.get('k50')).toBeUndefined()
    const letters = await Array.fromAsync(buffer.deadLetters(), ({ by, writes }) => [by, writes[0]!.key[0]])
    expect(letters).toEqual(
      expect.arrayContaining([
        ['b', 'k50'],
        ['b', 'x'],
      ]),
    )
    await buffer.close()
  })

  test('keeps the name of the journal: who opens with the new one finds what was acknowledged', async () => {
    const clock = new ManualClock()
    await using store = await open({ file: tempFile(), clock })
    const [a, b, c] = [new MapConnector('a'), new MapConnector('b'), new MapConnector('c')]
    const options = { ...PATIENT, journal: store, leaseMs: 1_000 }
    // Its own clock stands still: its lease is never renewed.
    const gone = await buffered<unknown>(a, { ...options, clock: new ManualClock() })
    await gone.migrate({ from: 'a', to: b, all: [] })
    await gone.set('x', 'acknowledged')
    clock.advance(1_000)
    const next = await buffered<unknown>(b, { ...options, clock })
    expect([await next.get('x'), b.values.get('x')]).toEqual(['acknowledged', 'acknowledged'])
    await next.migrate({ from: 'b', to: c, all: ['x'] })
    await next.close()
    await using last = await buffered<unknown>(c, { ...options, clock })
    expect(await last.get('x')).toBe('acknowledged')
  })

  test('what is wrong with it is told by name', async () => {
    const a = new MapConnector('a')
    const buffer = await buffered<unknown>(a, PATIENT)
    const b = new MapConnector('b')
    await expect(buffer.migrate(undefined as never)).rejects.toThrow(/a migration must be/)
    await expect(buffer.migrate({ from: 'a', to: b } as never)).rejects.toThrow(/needs `all`/)
    await expect(buffer.migrate({ from: 'x', to: b, all: [] })).rejects.toThrow(/no connector .* id x/)
    await expect(
      buffer.migrate({ from: 'a', to: new MapConnector('a') as Connector<unknown>, all: [] }),
    ).rejects.toThrow(/two connectors/)
    await buffer.close()
    expect(b.calls).toEqual([])
  })
})
