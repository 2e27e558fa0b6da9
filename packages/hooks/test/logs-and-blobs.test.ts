import { createMemoryBack, type MemoryBack, Store } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type Change,
  type ChangeFilter,
  changes,
  consume,
  createHooks,
  decodeToken,
  follow,
  history,
  undo,
  valueAt,
} from '../src/index.ts'
import { recordEvents } from './support/events.ts'
import { take } from './support/reading.ts'

const CHUNK = 256 * 1024

interface Fixture {
  readonly back: MemoryBack
  readonly store: Store
  /** What `writes$` has told. */
  readonly told: readonly Change[]
  readonly idle: () => Promise<void>
}

function start(): Fixture {
  const back = createMemoryBack()
  const store = new Store(back)
  const hooks = createHooks(back)
  const told: Change[] = []
  hooks.writes$.subscribe((change) => told.push(change))
  onTestFinished(() => store.close())
  return { back, store, told, idle: () => hooks.idle() }
}

/** Everything from the beginning up to a last change, which is written here. */
async function seen({ back, store }: Fixture, filter: ChangeFilter = {}): Promise<readonly Change[]> {
  const { version } = await store.set(['seen', 'end'], 'end')
  const all: Change[] = []
  for await (const batch of changes(back.log, { from: 'start', bookmarks: true, ...filter })) {
    all.push(...batch.changes.filter(({ seq }) => seq < version))
    if (decodeToken(batch.token).seq >= version) return all
  }
  throw new Error('the stream ended')
}

const summary = ({ op, key, value, size }: Change): unknown => [op, key, value ?? size]

describe('what subscribers see of a log', () => {
  it('is one change per element, at the key of the log, with the element', async () => {
    const fixture = start()
    const { store, told, idle } = fixture
    await store.log(['l', 1]).append({ n: 1 }, { meta: 'of the log' })
    const { version } = await store.log(['l', 1]).append({ n: 2 })
    await store.log(['l', 1]).appendMany([3, 4])
    await store.delete(['l', 1])
    await idle()
    const expected = [
      ['append', ['l', 1], { n: 1 }],
      ['append', ['l', 1], { n: 2 }],
      ['append', ['l', 1], 3],
      ['append', ['l', 1], 4],
      ['delete', ['l', 1], undefined],
    ]
    expect(told.map(summary)).toEqual(expected)
    expect((await seen(fixture)).map(summary)).toEqual(expected)
    expect(told[1]).toMatchObject({ seq: version, version, prevVersion: 0, path: undefined, meta: undefined })
    expect(told[2]!.txn).toBe(told[3]!.txn)
    expect(JSON.parse(JSON.stringify(told[0]))).toMatchObject({ op: 'append', key: ['l', 1], value: { n: 1 } })
  })

  it('is the same where a transaction appends, in the order and the commit of everything else that it writes', async () => {
    const fixture = start()
    const { store, told, idle } = fixture
    await store.log('l').append('old')
    await store.transaction((tx) => {
      tx.set('a', 1)
      tx.log('l').appendMany([1, 2])
      tx.delete('ended')
      tx.log('new').append(3)
    })
    await store.transaction((tx) => {
      tx.delete('l')
      tx.log('l').append('anew')
    })
    await idle()
    const expected = [
      ['append', ['l'], 'old'],
      ['set', ['a'], 1],
      ['append', ['l'], 1],
      ['append', ['l'], 2],
      ['append', ['new'], 3],
      ['delete', ['l'], undefined],
      ['append', ['l'], 'anew'],
    ]
    expect(told.map(summary)).toEqual(expected)
    expect((await seen(fixture)).map(summary)).toEqual(expected)
    expect(new Set(told.slice(1, 5).map(({ txn }) => txn)).size).toBe(1)
    expect(new Set(told.slice(5, 7).map(({ txn }) => txn)).size).toBe(1)
  })

  it('comes through filters by the key of the log, and by op', async () => {
    const fixture = start()
    await fixture.store.log(['a', 1]).append(1)
    await fixture.store.log(['b', 1]).append(2)
    await fixture.store.set(['a', 2], 3)
    const ofA = [['append', ['a', 1], 1]]
    expect((await seen(fixture, { prefix: ['a', 1] })).map(summary)).toEqual(ofA)
    expect((await seen(fixture, { prefix: 'a', ops: ['append'] })).map(summary)).toEqual(ofA)
    expect((await seen(fixture, { ops: ['set'] })).map(summary)).toContainEqual(['set', ['a', 2], 3])
    expect((await seen(fixture, { ops: ['set', 'delete', 'expire'] })).map(({ op }) => op)).not.toContain('append')
  })

  it('is handed to a consumer in order, log by log, in whatever lane', async () => {
    const { back, store } = start()
    const handled = new Map<string, unknown[]>()
    const consumer = await consume(back, 'logs', { from: 'start', lanes: 4, ops: ['append'] }, ({ key, value }) => {
      const id = String(key)
      handled.set(id, [...(handled.get(id) ?? []), value])
    })
    const ids = Array.from({ length: 8 }, (_, i) => `l${i}`)
    for (let n = 0; n < 20; n++) for (const id of ids) await store.log(id).append(n)
    await eventually('all are handled', () => [...handled.values()].flat().length === 160)
    for (const id of ids) expect(handled.get(id)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    await consumer.close()
  })

  it('parks with the key of its log, and what follows there waits behind it', async () => {
    const { back, store } = start()
    const consumer = await consume(
      back,
      'parking',
      { from: 'start', lanes: 2, attempts: 1, onFailure: 'parkKey' },
      ({ value }) => {
        if (value === 'bad') throw new Error('no luck')
      },
    )
    recordEvents(consumer)
    await store.log('l').appendMany(['good', 'bad', 'after'])
    await store.log('other').append('good')
    await eventually('two are parked', async () => (await consumer.stats()).parked === 2)
    const parked = await Array.fromAsync(consumer.parked({ key: 'l' }))
    expect(parked.map(({ change }) => summary(change))).toEqual([
      ['append', ['l'], 'bad'],
      ['append', ['l'], 'after'],
    ])
    await consumer.close()
  })
})

describe('what subscribers see of a blob', () => {
  it('is one change when it is whole, with its size; chunks and their removal are never shown', async () => {
    const fixture = start()
    const { store, told, idle, back } = fixture
    await store.blob('b').write(new Uint8Array(9 * CHUNK), { meta: { name: 'b.bin' }, tags: ['t'] })
    await store.blob('b').write(new Uint8Array(3))
    await store.delete('b')
    await eventually('the chunks are removed', async () => (await Array.fromAsync(rawKeys(back))).length === 0)
    await idle()
    const expected = [
      ['blob', ['b'], 9 * CHUNK],
      ['blob', ['b'], 3],
      ['delete', ['b'], undefined],
    ]
    expect(told.map(summary)).toEqual(expected)
    expect((await seen(fixture)).map(summary)).toEqual(expected)
    expect(told[0]).toMatchObject({ meta: { name: 'b.bin' }, tags: ['t'], value: undefined })
    expect(told[1]!.prevVersion).toBe(told[0]!.version)
    expect(JSON.parse(JSON.stringify(told[0]))).toMatchObject({ op: 'blob', size: 9 * CHUNK, key: ['b'] })
    const first = (await take(changes(back.log, { from: 'start', old: true }), 1))[0]!.changes
    expect(first.slice(0, 3).map(({ old }) => old)).toEqual([undefined, undefined, undefined])
  })

  it('is not there when its source fails', async () => {
    const fixture = start()
    const failing = (async function* () {
      yield new Uint8Array(9 * CHUNK)
      throw new Error('no more')
    })()
    await expect(fixture.store.blob('b').write(failing)).rejects.toThrow('no more')
    expect(await seen(fixture)).toEqual([])
    await fixture.idle()
    expect(fixture.told.map(({ key }) => key)).toEqual([['seen', 'end']])
  })
})

describe('the past of logs and blobs', () => {
  it('is told by its history without what they are made of, and cannot be undone', async () => {
    const { back, store } = start()
    await store.set('k', 'value')
    const { version: begun } = await store.log('l').append(1)
    const { version: written } = await store.blob('k').write(new Uint8Array(3))
    const { version: gone } = await store.delete('l')
    const past = await Array.fromAsync(history(back.log, 'k'))
    expect(past.map(summary)).toEqual([
      ['blob', ['k'], 3],
      ['set', ['k'], 'value'],
    ])
    expect((await Array.fromAsync(history(back.log, 'l'))).map(({ op }) => op)).toEqual(['delete'])
    expect(await valueAt(back.log, back, 'k', 1)).toBe('value')
    await expect(valueAt(back.log, back, 'k', written)).rejects.toMatchObject({ code: 'WRONG_TYPE' })
    await expect(valueAt(back.log, back, 'l', begun)).rejects.toMatchObject({ code: 'WRONG_TYPE' })
    await expect(undo(back, gone)).rejects.toThrow(TypeError)
    await expect(undo(back, begun)).rejects.toThrow(TypeError)
    await undo(back, written)
    expect(await store.get('k')).toBe('value')
  })

  it('is followed from a snapshot on, in which they have a type and no value', async () => {
    const { back, store } = start()
    await store.log('l').append(1)
    await store.blob('b').write(new Uint8Array(3))
    const entries: unknown[] = []
    for await (const step of follow(back)) {
      if (step.kind === 'ready') break
      if (step.kind === 'snapshot') entries.push(...step.entries.map(({ key, type, value }) => [key, type, value]))
    }
    expect(entries).toEqual([
      [['b'], 'blob', undefined],
      [['l'], 'log', undefined],
    ])
  })
})

async function* rawKeys(back: MemoryBack): AsyncGenerator<unknown> {
  const all = { start: new Uint8Array(0), end: undefined }
  yield* (await back.scan(all, { after: undefined, limit: 1_000, reverse: false })).entries.map(({ key }) => key.tuple)
}
