import { ManualClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { buffered, ConnectorError, open } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'

import { MapConnector, PATIENT, refused, turns } from './support/map-connector.ts'

/** A connector that fails, or not, as a test says. */
class Fragile extends MapConnector<unknown> {
  isDown = false
  /** Its calls are not answered. */
  hangs = false

  override async read(queries: Parameters<MapConnector['read']>[0]): Promise<readonly unknown[]> {
    await this.#check()
    return super.read(queries)
  }

  override async write(...args: Parameters<MapConnector['write']>): Promise<void> {
    await this.#check()
    return super.write(...args)
  }

  async #check(): Promise<void> {
    if (this.hangs) await new Promise(() => {})
    if (this.isDown) throw new Error('down')
  }
}

describe('one connector that is down', () => {
  test('keeps the others from nothing, gets everything when it is back, and is named', async () => {
    const [a, b] = [new MapConnector<unknown>('a'), new Fragile('b')]
    const buffer = await buffered<unknown>([a, b], PATIENT)
    b.isDown = true
    for (let i = 1; i <= 3; i++) {
      await buffer.set('x', i)
      await buffer.set(`y${i}`, i)
      const error = await buffer.flush().catch((each: unknown) => each)
      expect(error).toBeInstanceOf(ConnectorError)
      expect(error).toMatchObject({ code: 'IO', tier: 'b', message: 'the connector b failed: down', retryable: true })
      expect(a.values.get('x')).toBe(i)
    }
    b.isDown = false
    await buffer.flush()
    expect(b.values).toEqual(a.values)
    // What came first comes first, as it was; the rest is the last of each key.
    expect(b.batches.map((writes) => writes.map(({ value }) => value))).toEqual([
      [1, 1],
      [3, 2, 3],
    ])
    await buffer.close()
  })

  test('is read here for what it is still to get; what it alone may have is not taken for absent', async () => {
    const [a, b] = [new MapConnector<unknown>('a'), new Fragile('b')]
    a.values.set('in a', 1)
    b.values.set('in b', 2)
    const buffer = await buffered<unknown>([a, b], { ...PATIENT, cache: { maxEntries: 0 } })
    b.isDown = true
    await buffer.set('x', 'new')
    await buffer.flush().catch(() => undefined)
    a.values.delete('x')
    expect(await buffer.get('x')).toBe('new')
    expect(await buffer.get('in a')).toBe(1)
    await expect(buffer.get('in b')).rejects.toMatchObject({ tier: 'b' })
    await expect(buffer.get('nowhere')).rejects.toThrow('the connector b failed: down')
    // In one batch of reads, each for itself.
    const asked = await Promise.allSettled([buffer.get('in a'), buffer.get('in b')])
    expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    b.isDown = false
    expect(await buffer.get('in b')).toBe(2)
    await buffer.close()
  })

  test('is waited for, and does not make the buffer hold more than its capacity', async () => {
    const [a, b] = [new MapConnector<unknown>('a'), new Fragile('b')]
    const buffer = await buffered<unknown>([a, b], { ...PATIENT, maxDirty: 5, capacity: 2 })
    b.isDown = true
    for (let i = 0; i < 10; i++) await buffer.set(['k', i], i)
    await expect(buffer.set('more', 1)).rejects.toMatchObject({ code: 'BUFFER_FULL' })
    // What it holds already may still be written.
    await buffer.set(['k', 3], 'again')
    expect(await buffer.get(['k', 3])).toBe('again')
    b.isDown = false
    await buffer.flush()
    await buffer.set('more', 1)
    await buffer.close()
    expect([b.values.get('k/3'), b.values.get('more')]).toEqual(['again', 1])
  })

  test('what it is still to get survives the process, in the order in which it was written', async () => {
    const clock = new ManualClock()
    await using store = await open({ file: tempFile(), clock })
    const [a, b] = [new MapConnector<unknown>('a'), new Fragile('b')]
    const options = { ...PATIENT, journal: store, leaseMs: 1_000 }
    const gone = await buffered<unknown>([a, b], { ...options, clock: new ManualClock() })
    b.isDown = true
    for (let i = 1; i <= 3; i++) {
      await gone.set('x', i)
      await gone.set(`y${i}`, i)
      await gone.flush().catch(() => undefined)
    }
    b.isDown = false
    clock.advance(1_000)
    await using next = await buffered<unknown>([a, b], { ...options, clock })
    expect(Object.fromEntries(b.values)).toEqual({ x: 3, y1: 1, y2: 2, y3: 3 })
    expect(b.values).toEqual(a.values)
    expect(await next.get('x')).toBe(3)
  })

  test('a journal keeps nothing when every connector has it, at whatever pace', async () => {
    const clock = new ManualClock()
    await using store = await open({ file: tempFile(), clock })
    const [a, b] = [new MapConnector<unknown>('a'), new Fragile('b')]
    const options = { ...PATIENT, journal: store, leaseMs: 1_000 }
    const gone = await buffered<unknown>([a, b], { ...options, clock: new ManualClock() })
    b.isDown = true
    await gone.set('x', 1)
    await gone.flush().catch(() => undefined)
    b.isDown = false
    await gone.set('x', 2)
    await gone.flush()
    const [before] = [a.batches.length + b.batches.length]
    clock.advance(1_000)
    await using next = await buffered<unknown>([a, b], { ...options, clock })
    expect([await next.get('x'), a.batches.length + b.batches.length]).toEqual([2, before])
  })

  test('a letter says which one has refused', async () => {
    const [a, b] = [new MapConnector<unknown>('a'), new MapConnector<unknown>('b')]
    const buffer = await buffered<unknown>([a, b], PATIENT)
    b.failures.push(refused())
    await buffer.set('x', 1)
    await expect(buffer.flush()).rejects.toMatchObject({ code: 'FLUSH_FAILED' })
    expect(await Array.fromAsync(buffer.deadLetters(), ({ by }) => by)).toEqual(['b'])
    await buffer.close()
  })
})

test('one that cannot be connected is named, and the others are let go', async () => {
  const [a, b] = [new MapConnector<unknown>('a'), new MapConnector<unknown>('b')]
  b.connect = () => Promise.reject(new Error('no route'))
  await expect(buffered<unknown>([a, b], PATIENT)).rejects.toMatchObject({
    tier: 'b',
    message: 'the connector b failed: no route',
    cause: { message: 'no route' },
  })
  expect([a.calls, b.calls]).toEqual([['connect', 'disconnect'], []])
})

describe('one that does not answer', () => {
  test('fails after timeoutMs: flush and close end, reads do, and the others have everything', async () => {
    const clock = new ManualClock()
    const [a, b] = [new MapConnector<unknown>('a'), new Fragile('b')]
    const buffer = await buffered<unknown>([a, b], { ...PATIENT, clock, timeoutMs: 2_000 })
    b.hangs = true
    await buffer.set('x', 1)
    const flushing = buffer.flush()
    const reading = buffer.get('y')
    const ended = Promise.allSettled([flushing, reading])
    await turns()
    clock.advance(2_000)
    expect(await ended).toMatchObject([
      { status: 'rejected', reason: { code: 'TIMEOUT', tier: 'b', retryable: true } },
      { status: 'rejected', reason: { code: 'TIMEOUT', tier: 'b' } },
    ])
    const closing = buffer.close().catch((error: unknown) => error)
    for (let i = 0; i < 3; i++) {
      await turns()
      clock.advance(2_000)
    }
    expect(await closing).toMatchObject({ code: 'TIMEOUT' })
    expect(a.values.get('x')).toBe(1)
  })

  test('and then does: nothing else is written before that, and what it has taken does not come again', async () => {
    const clock = new ManualClock()
    const map = new MapConnector<unknown>('map')
    const aborted: unknown[] = []
    const late = Promise.withResolvers<void>()
    const write = map.write.bind(map)
    let calls = 0
    map.write = async (writes, context) => {
      if (calls++ > 0) return write(writes, context)
      context.signal!.addEventListener('abort', () => aborted.push(context.signal!.reason))
      await late.promise
      return write(writes, context)
    }
    const buffer = await buffered<unknown>(map, { ...PATIENT, clock, timeoutMs: 2_000 })
    await buffer.set('x', 'first')
    const flushing = buffer.flush().catch((error: unknown) => error)
    await turns()
    clock.advance(2_000)
    expect(await flushing).toMatchObject({ code: 'TIMEOUT' })
    expect(aborted).toMatchObject([{ code: 'TIMEOUT' }])
    await buffer.set('x', 'second')
    const again = buffer.flush()
    await turns()
    expect(calls).toBe(1)
    late.resolve()
    await again
    expect(map.batches.map(([each]) => each!.value)).toEqual(['first', 'second'])
    await buffer.close()
  })
})
