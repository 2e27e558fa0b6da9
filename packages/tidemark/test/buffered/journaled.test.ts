import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FileConnector } from '../support/file-connector.ts'
import { ManualClock } from '@tidemark/testkit'
import { buffered, open } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'
import { MapConnector, PATIENT, turns } from './support/map-connector.ts'

/** Time passes, in steps in which renewals fall due. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    clock.advance(50)
    await turns()
  }
}

/** What a buffer is opened with before which another one, whose clock stands still, has left a write in the journal. */
async function leftBehind() {
  const clock = new ManualClock()
  const store = await open({ file: tempFile(), clock })
  onTestFinished(() => store.close())
  const map = new MapConnector()
  const options = { ...PATIENT, journal: store, leaseMs: 1_000, clock }
  const gone = await buffered(map, { ...options, clock: new ManualClock() })
  await gone.set('a', 'left')
  return { clock, map, options }
}

/** A buffer that opens, and may have to wait. */
function opens(...args: Parameters<typeof buffered<unknown>>): {
  isOpen: boolean
  readonly buffer: ReturnType<typeof buffered<unknown>>
} {
  const buffer = buffered<unknown>(...args)
  const opening = { isOpen: false, buffer }
  void buffer.then(() => (opening.isOpen = true))
  return opening
}

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
    const { clock, map, options } = await leftBehind()
    // It may still be there, and is waited for.
    let isOpen = false
    const opening = buffered(map, options).then((next) => {
      isOpen = true
      return next
    })
    await turns()
    expect([isOpen, map.values.get('a')]).toEqual([false, undefined])
    map.failures.push(new Error('down'))
    clock.advance(1_100)
    await expect(opening).rejects.toThrow('down')
    await using next = await buffered(map, options)
    expect([map.values.get('a'), await next.get('a')]).toEqual(['left', 'left'])
  })

  test('nor does it when the clock has gone back since, or goes back while it waits', async () => {
    const { clock, map, options } = await leftBehind()
    clock.step(-3_600_000)
    const opening = opens(map, options)
    await turns()
    clock.step(-60_000)
    clock.advance(900)
    await turns()
    expect([opening.isOpen, map.values.get('a')]).toEqual([false, undefined])
    clock.advance(200)
    await using next = await opening.buffer
    expect([map.values.get('a'), await next.get('a')]).toEqual(['left', 'left'])
  })

  test('nor does it when the clock was ahead when it looked first, and is set right', async () => {
    const { clock, map, options } = await leftBehind()
    clock.step(900)
    const opening = opens(map, options)
    await turns()
    clock.step(-900)
    await pass(clock, 900)
    expect([opening.isOpen, map.values.get('a')]).toEqual([false, undefined])
    await pass(clock, 200)
    await using next = await opening.buffer
    expect([map.values.get('a'), await next.get('a')]).toEqual(['left', 'left'])
  })

  test('it waits for all that others have left, and not only for what may be had first', async () => {
    const clock = new ManualClock()
    await using store = await open({ file: tempFile(), clock })
    const map = new MapConnector()
    const options = { ...PATIENT, journal: store }
    const gone = await Promise.all(
      [500, 2_000].map((leaseMs) => buffered(map, { ...options, leaseMs, clock: new ManualClock() })),
    )
    await Promise.all(gone.map((buffer, i) => buffer.set(i, 'left')))
    const opening = opens(map, { ...options, leaseMs: 500, clock })
    await pass(clock, 1_900)
    expect([opening.isOpen, [...map.values]]).toEqual([false, [['0', 'left']]])
    await pass(clock, 200)
    await using _next = await opening.buffer
    expect([...map.values.values()]).toEqual(['left', 'left'])
  })

  test('nor before somebody else, who has come first, has persisted it', async () => {
    const { clock, map, options } = await leftBehind()
    const { promise: room, resolve: makeRoom } = Promise.withResolvers<void>()
    const write = map.write.bind(map)
    map.write = (...args) => room.then(() => write(...args))
    const openings = [opens(map, options), opens(map, options)]
    await pass(clock, 1_900)
    expect(openings.map(({ isOpen }) => isOpen)).toEqual([false, false])
    makeRoom()
    await pass(clock, 300)
    for (const { buffer } of openings) {
      await using next = await buffer
      expect(await next.get('a')).toBe('left')
    }
    expect(map.batches).toHaveLength(1)
  })

  test('it opens beside one that lives, once that has renewed its lease', async () => {
    const clock = new ManualClock()
    await using store = await open({ file: tempFile(), clock })
    const map = new MapConnector()
    const options = { ...PATIENT, journal: store, leaseMs: 1_000, clock }
    await using living = await buffered(map, options)
    await living.set('a', 'mine')
    const opening = opens(map, options)
    await pass(clock, 1_100)
    expect(opening.isOpen).toBe(true)
    await using _next = await opening.buffer
    expect(map.batches).toEqual([])
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
