import { buffered as bufferedOver } from '@tidemark/tiered'
import { describe, expect, test } from 'vitest'
import { buffered, type Connector, open, type Query } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'

import { journalBack } from './support/journal-back.ts'
import { MapConnector, PATIENT, refused, turns } from './support/map-connector.ts'

describe('a checkpoint', () => {
  test('is never ahead of what was written before it, also when something is refused in between', async () => {
    const steps: unknown[] = []
    const connector = Object.assign(new MapConnector<unknown>(), { checkpoints: { last: async () => undefined } })
    connector.write = async (writes, { checkpoint }) => {
      if (writes.some(({ value }) => value === 'bad')) throw refused()
      for (const { key } of writes) steps.push(key[0])
      if (checkpoint !== undefined) steps.push(checkpoint.state)
    }
    const buffer = await buffered<unknown>(connector, PATIENT)
    await buffer.checkpoint({ handled: 0 })
    for (let i = 1; i <= 4; i++) {
      await buffer.set(`order${i}`, i === 3 ? 'bad' : i)
      await buffer.checkpoint({ handled: i })
    }
    await buffer.flush().catch(() => undefined)
    expect(steps).toEqual(['order1', 'order2', 'order4', { handled: 4 }])
    await buffer.close()
  })
})

describe('a write that waits for room, though it is taken', () => {
  const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g']

  /** While the connector is being written to, and the call that has pressed the buffer is not answered yet. */
  async function whilePressed(happens: (buffer: Awaited<ReturnType<typeof opened>>['buffer']) => Promise<unknown>) {
    const { buffer, map, store } = await opened()
    await buffer.get('k')
    const write = map.write.bind(map)
    let happening: Promise<unknown> | undefined
    map.write = async (...args) => {
      await write(...args)
      happening ??= new Promise((resolve) => setImmediate(() => resolve(happens(buffer))))
    }
    await Promise.all([...KEYS.map((key) => buffer.set(key, 0)), buffer.set('k', 1)])
    return { buffer, map, store, outcome: await happening }
  }

  async function opened() {
    const store = await open({ file: tempFile() })
    const map = new MapConnector<unknown>()
    map.values.set('k', 0)
    return {
      store,
      map,
      buffer: await buffered<unknown>(map, { ...PATIENT, journal: store, maxDirty: 10, capacity: 1 }),
    }
  }

  test('is read from then on', async () => {
    const { buffer, store, outcome } = await whilePressed((buffer) => buffer.get('k'))
    expect(outcome).toBe(1)
    await buffer.close()
    await store.close()
  })

  test('is not read again after a later one that waited less', async () => {
    const { buffer, map, store } = await whilePressed((buffer) => buffer.set('k', 2))
    await buffer.flush()
    expect([await buffer.get('k'), map.values.get('k')]).toEqual([2, 2])
    expect(await buffer.update<number>('k', (n) => n! + 10)).toEqual({ old: 2, new: 12 })
    await buffer.close()
    await store.close()
  })
})

describe('what load makes', () => {
  test('takes the place of what is deleted, as of what never was: before the flush, after it, after an eviction', async () => {
    const map = new MapConnector<unknown>()
    map.values.set('k', 5)
    const buffer = await buffered<unknown>(map, { ...PATIENT, load: () => 0, cache: { maxEntries: 1 } })
    expect(await buffer.get('k')).toBe(5)
    await buffer.delete('k')
    const seen = [await buffer.get('k')]
    await buffer.flush()
    seen.push(await buffer.get('k'))
    await buffer.get('other')
    seen.push(await buffer.get('k'))
    expect(seen).toEqual([0, 0, 0])
    await buffer.delete('k')
    expect(await buffer.update<number>('k', (n) => n! + 1)).toEqual({ old: 0, new: 1 })
    await buffer.close()
    expect(map.values.get('k')).toBe(1)
  })
})

describe('arguments that the caller changes after the call', () => {
  test('change nothing of it: neither what is asked for, nor what is remembered', async () => {
    const asked: unknown[] = []
    const rows: Connector<{ id: number }> = {
      id: 'rows',
      connect: async () => {},
      disconnect: async () => {},
      read: async (queries: readonly Query<{ id: number }>[]) => {
        asked.push(...queries.map(({ args }) => args.id))
        return queries.map(({ args }) => `row ${args.id}`)
      },
      write: async () => {},
    }
    const loaded: number[] = []
    const load = ({ id }: { id: number }): undefined => void loaded.push(id)
    const buffer = await buffered(rows, { ...PATIENT, keyOf: ({ id }) => id, load })
    const args = { id: 1 }
    const reading = buffer.get(args)
    args.id = 2
    expect([await reading, await buffer.get({ id: 1 })]).toEqual(['row 1', 'row 1'])
    const other = { id: 10 }
    const updating = buffer.update(other, (old) => `${String(old)}!`)
    other.id = 20
    expect(await updating).toEqual({ old: 'row 10', new: 'row 10!' })
    expect(asked).toEqual([1, 10])
    await buffer.close()
  })
})

describe('writes of one key', () => {
  test('are journaled together, in their order, and updates come between them where they were asked for', async () => {
    const journal = journalBack()
    const map = new MapConnector<unknown>()
    const buffer = await bufferedOver<unknown>(map, { ...PATIENT, journal: journal.back })
    await buffer.set('first', 1)
    const before = journal.rows()
    await Promise.all(Array.from({ length: 200 }, (_, i) => buffer.set('hot', i)))
    expect([await buffer.get('hot'), journal.rows() - before]).toEqual([199, 1])
    const seen: unknown[] = []
    await Promise.all([
      buffer.set('n', 1),
      buffer.set('n', 2),
      buffer.update<number>('n', (n) => (seen.push(n), n! * 10)),
      buffer.set('n', 3),
      buffer.set('n', 4),
      buffer.update<number>('n', (n) => (seen.push(n), n! * 10)),
    ])
    expect([seen, await buffer.get('n')]).toEqual([[2, 4], 40])
    await buffer.close()
    expect(map.values.get('n')).toBe(40)
  })

  test('that were asked for before close() are made', async () => {
    const map = new MapConnector<unknown>()
    const buffer = await buffered<unknown>(map, PATIENT)
    const calls = [
      buffer.set('k', 1),
      buffer.set('k', 2),
      buffer.update<number>('k', (n) => n! + 1),
      buffer.set('l', 1),
      buffer.update<number>('l', (n) => n! + 1),
    ]
    const closing = buffer.close()
    await Promise.all(calls)
    await closing
    expect(Object.fromEntries(map.values)).toEqual({ k: 3, l: 2 })
    await expect(buffer.flush()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('a buffer in a hurry', () => {
  test('makes a burst in one turn wait for the flush, and refuses nothing of it while flushes succeed', async () => {
    const map = new MapConnector<unknown>()
    const buffer = await buffered<unknown>(map, { ...PATIENT, maxDirty: 10, capacity: 2 })
    await Promise.all(Array.from({ length: 40 }, (_, i) => buffer.set(i, i)))
    await buffer.close()
    expect(map.values.size).toBe(40)
  })

  test('refuses what comes when as much again waits for room', async () => {
    const map = new MapConnector<unknown>()
    const gate = Promise.withResolvers<void>()
    const write = map.write.bind(map)
    map.write = async (...args) => {
      await gate.promise
      return write(...args)
    }
    const buffer = await buffered<unknown>(map, { ...PATIENT, maxDirty: 10, capacity: 2 })
    const calls = Array.from({ length: 50 }, (_, i) => buffer.set(i, i))
    const ended = Promise.allSettled(calls)
    await turns()
    gate.resolve()
    const refusals = (await ended).filter(({ status }) => status === 'rejected')
    expect(refusals.length).toBe(10)
    expect(refusals[0]).toMatchObject({ reason: { code: 'BUFFER_FULL', retryable: true } })
    await buffer.close()
    expect(map.values.size).toBe(40)
  })

  test('counts what its journal holds: one key that is written over and over is refused in the end', async () => {
    await using store = await open({ file: tempFile() })
    const map = new MapConnector<unknown>()
    const write = map.write.bind(map)
    map.write = () => Promise.reject(new Error('down'))
    const buffer = await buffered<unknown>(map, { ...PATIENT, journal: store, maxBytes: 10_000, capacity: 2 })
    let written = 0
    const error = await (async () => {
      for (; written < 100; written++) await buffer.set('hot', `${written}`.padStart(1_000))
    })().catch((each: unknown) => each)
    expect(error).toMatchObject({ code: 'BUFFER_FULL' })
    expect(written).toBeLessThan(20)
    map.write = write
    await buffer.close()
    expect(Number(map.values.get('hot'))).toBe(written - 1)
  })
})
