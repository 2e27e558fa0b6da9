import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { FileConnector } from '../support/file-connector.ts'
import { ManualClock } from '@tidemark/testkit'
import { buffered, open } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'

import { MapConnector, PATIENT, turns } from './support/map-connector.ts'

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
