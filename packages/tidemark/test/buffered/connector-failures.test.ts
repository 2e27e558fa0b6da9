import { describe, expect, test } from 'vitest'
import { FileConnector } from '../support/file-connector.ts'
import { HttpConnector } from '../support/http-connector.ts'
import { ManualClock } from '@tidemark/testkit'
import { buffered, type Connector, FlushFailure } from '../../src/index.ts'
import { startService } from '../support/service.ts'
import { tempFile } from '../support/temp.ts'

import { MapConnector, PATIENT, turns } from './support/map-connector.ts'

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

  test('a service gets what is null as null, and what is deleted as deleted', async () => {
    const service = await startService()
    service.values.set('["gone"]', 1)
    const buffer = await buffered(new HttpConnector(service.url), { ...PATIENT, cache: { maxEntries: 0 } })
    await buffer.set('null', null)
    await buffer.delete('gone')
    await buffer.flush()
    expect([...service.values]).toEqual([['["null"]', null]])
    expect([await buffer.get('null'), await buffer.get('gone')]).toEqual([null, undefined])
    await buffer.close()
  })

  test.each([401, 403, 408, 429, 503])(
    'a service that answers %i gets the writes again, and none is set aside',
    async (status) => {
      const service = await startService()
      const buffer = await buffered(new HttpConnector(service.url), PATIENT)
      await buffer.set('a', 1)
      service.trouble.push(status)
      await expect(buffer.flush()).rejects.toMatchObject({ code: 'IO', retryable: true })
      await buffer.flush()
      expect([service.values.get('["a"]'), await Array.fromAsync(buffer.deadLetters())]).toEqual([1, []])
      await buffer.close()
    },
  )

  test.each([
    ['file', async () => new FileConnector(tempFile())],
    ['http', async () => new HttpConnector((await startService()).url)],
  ] as const)('%s: keys and values that JSON does not know come back as they were', async (_, connect) => {
    const connector: Connector = await connect()
    const buffer = await buffered(connector, { ...PATIENT, cache: { maxEntries: 0 } })
    const key = ['n', 12n, new Date(5), Uint8Array.of(1, 2)] as const
    await buffer.set(key, { at: new Date(7), bytes: Uint8Array.of(3), big: 9n })
    await buffer.set(['n', '12'], 'another')
    await buffer.flush()
    expect(await buffer.get(key)).toEqual({ at: new Date(7), bytes: Uint8Array.of(3), big: 9n })
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
