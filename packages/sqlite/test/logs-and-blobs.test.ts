import { ALL_KEYS, type Back, partOf, Store } from '@tidemark/core'
import { ShiftedClock } from '@tidemark/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { createSqliteBack } from '../src/index.ts'
import { capturedDriver } from './support/captured-driver.ts'
import { type Child, startChild } from './support/children.ts'
import { openTemp, tempFile } from './support/temp.ts'

const CHUNK = 256 * 1024
const HOUR = 3_600_000

// Starting dozens of processes takes a busy machine a while.
const timeout = 240_000

function reopened(file: string, clock = new ShiftedClock()): { readonly store: Store; readonly back: Back } {
  const back = createSqliteBack({ file, clock })
  const store = new Store(back, { clock })
  onTestFinished(() => store.close())
  return { store, back }
}

/** How many parts there are of each log and blob, by its key. */
async function partsIn(back: Back): Promise<Record<string, number>> {
  const { entries } = await back.scan(ALL_KEYS, { after: undefined, limit: 10_000, reverse: false })
  const counts: Record<string, number> = {}
  for (const { key } of entries) {
    const owner = partOf(key)?.owner.id
    if (owner !== undefined) counts[owner] = (counts[owner] ?? 0) + 1
  }
  return counts
}

/** Runs it once for each step that it has, killed right before that, and once to its end. Four at a time. */
async function atEveryStep(
  what: string,
  prepare: (file: string) => Promise<void>,
  check: (file: string, child: Child) => Promise<void>,
): Promise<number> {
  let steps = 0
  const template = tempFile()
  await prepare(template)
  const { copyFileSync } = await import('node:fs')
  for (let isOver = false; !isOver; steps += 4) {
    const ended = await Promise.all(
      [0, 1, 2, 3].map(async (i) => {
        const file = tempFile()
        copyFileSync(template, file)
        const child = startChild('killed-at-step.ts', [file, what, String(steps + i)])
        const code = await child.exited
        if (code !== null) expect(await child.result()).toBe('done')
        await check(file, child)
        return code !== null
      }),
    )
    isOver = ended.includes(true)
  }
  return steps
}

test('18: a blob write that is killed at any step leaves the old or the new one, whole', { timeout }, async () => {
  const old = new Uint8Array(2 * CHUNK + 3).fill(1)
  const fresh = Buffer.concat(Array.from({ length: 9 }, (_, i) => Buffer.alloc(CHUNK, 100 + i)))
  const seen = new Set<string>()
  const steps = await atEveryStep(
    'blob',
    async (file) => {
      const store = new Store(createSqliteBack({ file }))
      await store.blob('b').write(old, { meta: 'old' })
      await store.close()
    },
    async (file, child) => {
      const clock = new ShiftedClock()
      const { store, back } = reopened(file, clock)
      const isNew = (await store.entry('b'))!.meta === 'new'
      if (child.lines.includes('acknowledged')) expect(isNew).toBe(true)
      seen.add(isNew ? 'new' : 'old')
      expect(await store.entry('b')).toMatchObject({ type: 'blob' })
      const expected = isNew ? fresh : old
      expect(await store.blob('b').size()).toBe(expected.length)
      expect(Buffer.compare((await store.blob('b').bytes())!, expected)).toBe(0)
      // What it has left behind is collected as soon as nobody can take it for what is being written.
      clock.step(HOUR)
      await store.sweep({ orphanAgeMs: 0 })
      expect(await partsIn(back)).toEqual({ b: isNew ? 9 : 3 })
      expect(Buffer.compare((await store.blob('b').bytes())!, expected)).toBe(0)
      await store.blob('b').write(new Uint8Array(5))
      expect(await store.blob('b').size()).toBe(5)
      await store.close()
    },
  )
  expect([...seen].toSorted()).toEqual(['new', 'old'])
  expect(steps).toBeGreaterThan(6)
})

test(
  '17, 18: a sweep that is killed at any step can be run again, and never takes what is kept',
  { timeout },
  async () => {
    const steps = await atEveryStep(
      'sweep',
      async (file) => {
        const store = new Store(createSqliteBack({ file }))
        for (const group of ['kept', 'old']) {
          await store.set([group, 'v'], group)
          await store.log([group, 'l']).appendMany([1, 2, 3])
          await store.blob([group, 'b']).write(new Uint8Array(3 * CHUNK).fill(9))
        }
        await store.setMany([1, 2, 3].map((n) => [['old', n], n] as const))
        await store.close()
      },
      async (file) => {
        const clock = new ShiftedClock()
        const { store, back } = reopened(file, clock)
        const keys = async (): Promise<readonly unknown[]> => Array.fromAsync(store.keys())
        const kept = async (): Promise<void> => {
          expect(await store.get(['kept', 'v'])).toBe('kept')
          expect(await Array.fromAsync(store.log(['kept', 'l']))).toEqual([1, 2, 3])
          expect((await store.blob(['kept', 'b']).bytes())!.length).toBe(3 * CHUNK)
        }
        await kept()
        // Whatever is still there is whole.
        for (const { key, type } of await Array.fromAsync(store.entries({ prefix: 'old' }))) {
          if (type === 'log') expect(await Array.fromAsync(store.log(key))).toEqual([1, 2, 3])
          if (type === 'blob') expect((await store.blob(key).bytes())!.length).toBe(3 * CHUNK)
        }
        clock.step(HOUR)
        const keep = [
          ['kept', 'v'],
          ['kept', 'l'],
          ['kept', 'b'],
        ]
        await store.sweep({ before: clock.now() + HOUR, keep, batch: 2, orphanAgeMs: 0 })
        expect(await keys()).toEqual([
          ['kept', 'b'],
          ['kept', 'l'],
          ['kept', 'v'],
        ])
        expect(await partsIn(back)).toEqual({ 'kept:l': 3, 'kept:b': 3 })
        await kept()
        await store.close()
      },
    )
    expect(steps).toBeGreaterThan(6)
  },
)

test(
  '19: four processes append 25 elements each, and all are there, each writer in its order',
  { timeout },
  async () => {
    const file = tempFile()
    await createSqliteBack({ file }).close()
    const names = ['a', 'b', 'c', 'd']
    const children = names.map((name) => startChild('append-many.ts', [file, name, '25']))
    await Promise.all(children.map((child) => child.printed('ready')))
    for (const child of children) child.process.stdin!.write('go\n')
    expect(await Promise.all(children.map((child) => child.exited))).toEqual([0, 0, 0, 0])
    const { store } = reopened(file)
    const elements = (await Array.fromAsync(store.log<string>('shared').elements())).map(({ value, version }) => ({
      value,
      version,
    }))
    expect(elements).toHaveLength(100)
    for (const name of names) {
      const own = elements.filter(({ value }) => value.startsWith(name)).map(({ value }) => value)
      expect(own).toEqual(Array.from({ length: 25 }, (_, i) => `${name}:${i}`))
    }
    const versions = elements.map(({ version }) => version)
    expect(versions).toEqual(versions.toSorted((one, other) => one - other))
  },
)

test('5: 256 MiB are written and read through less than 64 MiB of memory', { timeout }, async () => {
  const child = startChild('large-blob.ts', [tempFile(), '256'])
  const grown = Number(await child.result())
  expect(grown).toBeGreaterThanOrEqual(0)
  expect(grown).toBeLessThan(64)
})

test('a full disk fails the write of a blob, leaves what was there, and has room again when it is gone', async () => {
  const { driver, db } = capturedDriver()
  const back = openTemp({}, { driver })
  const store = new Store(back)
  await store.blob('b').write(new Uint8Array(CHUNK).fill(1))
  await store.log('l').append(1)
  const pages = db().pragma('page_count', { simple: true }) as number
  db().pragma(`max_page_count = ${pages + 400}`)
  const large = store.blob('b').write(new Uint8Array(16 * CHUNK))
  await expect(large).rejects.toMatchObject({ code: 'DISK_FULL', retryable: true })
  await store.sweep({ orphanAgeMs: 0 })
  expect(await partsIn(back)).toEqual({ b: 1, l: 1 })
  expect((await store.blob('b').bytes())![0]).toBe(1)
  const element = store.log('l').append(new Uint8Array(16 * CHUNK))
  await expect(element).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(await Array.fromAsync(store.log('l'))).toEqual([1])
  await store.log('l').append(2)
  db().pragma('max_page_count = 1000000')
  await store.blob('b').write(new Uint8Array(16 * CHUNK).fill(2))
  expect(await store.blob('b').size()).toBe(16 * CHUNK)
  expect(await Array.fromAsync(store.log('l'))).toEqual([1, 2])
})

test('a store that is opened for reading reads logs and blobs, and refuses to write them before it asks the source', async () => {
  const file = tempFile()
  const writer = new Store(createSqliteBack({ file }))
  await writer.log('l').append(1)
  await writer.blob('b').write(new Uint8Array(3))
  await writer.close()
  const store = new Store(createSqliteBack({ file, readOnly: true }))
  onTestFinished(() => store.close())
  expect(await Array.fromAsync(store.log('l'))).toEqual([1])
  expect(await store.blob('b').size()).toBe(3)
  await expect(store.log('l').append(2)).rejects.toMatchObject({ code: 'READ_ONLY' })
  let isAsked = false
  const source = new ReadableStream<Uint8Array>({ pull: () => void (isAsked = true) }, { highWaterMark: 0 })
  await expect(store.blob('b').write(source)).rejects.toMatchObject({ code: 'READ_ONLY' })
  await expect(store.sweep({ before: new Date() })).rejects.toMatchObject({ code: 'READ_ONLY' })
  expect(isAsked).toBe(false)
})

test('a clock that steps back decreases no date of an append, and takes no log or blob apart', async () => {
  const clock = new ShiftedClock()
  const { store } = reopened(tempFile(), clock)
  const log = store.log<number>('l')
  await log.append(1)
  await store.blob('b').write(new Uint8Array(2 * CHUNK), { ttlMs: HOUR })
  clock.step(-10 * HOUR)
  await log.append(2)
  clock.step(5 * HOUR)
  await log.append(3)
  const elements = await Array.fromAsync(log.elements())
  expect(elements.map(({ value }) => value)).toEqual([1, 2, 3])
  const dates = elements.map(({ at }) => at.getTime())
  expect(dates).toEqual(dates.toSorted((one, other) => one - other))
  // Beyond the end of the blob, where a sweep takes its parts away; then back before it.
  clock.step(20 * HOUR)
  await store.sweep({ orphanAgeMs: 0 })
  clock.step(-20 * HOUR)
  expect(await store.blob('b').read()).toBeUndefined()
  expect(await store.has('b')).toBe(false)
  expect(await Array.fromAsync(log)).toEqual([1, 2, 3])
})
