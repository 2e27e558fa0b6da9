import { createMemoryBack, type MemoryBack, Store } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { type Change, type ChangeFilter, changes, createHooks } from '../src/index.ts'
import { take } from './support/reading.ts'
import { commit, setting } from './support/writing.ts'

async function seen(back: MemoryBack, count: number, filter: ChangeFilter = {}): Promise<Change[]> {
  return (await take(changes(back.log, { from: 'start', ...filter }), count)).flatMap((batch) => batch.changes)
}

describe('what a store writes beside values', () => {
  it('is an op of its own where a tag is invalidated, with the tag and no key', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    const hooks = createHooks(back)
    const told: Change[] = []
    hooks.writes$.subscribe((change) => told.push(change))
    await store.set('a', 1, { tags: ['t'] })
    await store.invalidateTag(['t', 'u'])
    await hooks.idle()
    for (const each of [told, await seen(back, 3)]) {
      expect(each.map(({ op, key, tag, value }) => [op, key, tag, value])).toEqual([
        ['set', ['a'], undefined, 1],
        ['invalidate-tag', [], 't', undefined],
        ['invalidate-tag', [], 'u', undefined],
      ])
    }
    const plain = told.map((change) => JSON.parse(JSON.stringify(change)) as Record<string, unknown>)
    expect(plain[1]).toMatchObject({ op: 'invalidate-tag', tag: 't', key: [], seq: 2, txn: { first: 2, last: 3 } })
    expect(plain[0]).not.toHaveProperty('tag')
  })

  it('comes through filters that have no prefix', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    await store.set('a', 1)
    await store.invalidateTag('t')
    await store.set('b', 1)
    const opsOf = async (count: number, filter: ChangeFilter): Promise<string[]> =>
      (await seen(back, count, filter)).map(({ op }) => op)
    expect(await opsOf(1, { ops: ['invalidate-tag'] })).toEqual(['invalidate-tag'])
    expect(await opsOf(2, { ops: ['set'] })).toEqual(['set', 'set'])
    expect(await opsOf(3, { prefix: [] })).toEqual(['set', 'invalidate-tag', 'set'])
    const reserved = (await back.log.read({ after: 1, limit: 1 })).changes[0]!.key.tuple[0]!
    await commit(back, setting([reserved, 'no tag'], 1))
    expect(await opsOf(1, { prefix: [reserved] })).toEqual(['set'])
  })

  it('is a deletion where a loader found nothing', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    await store.getOrSet('k', () => undefined, { negativeTtlMs: 1000 })
    const [change] = await seen(back, 1)
    expect(change).toMatchObject({ op: 'delete', key: ['k'], value: undefined, expiresAt: undefined, prevVersion: 0 })
    expect(await seen(back, 1, { ops: ['delete'] })).toHaveLength(1)
  })

  it('shows what the writer attached, and nothing that the store noted', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    const options = { ttlMs: 1000, graceMs: 1000, tags: ['t'] }
    await store.getOrSet('a', () => 1, { ...options, meta: { by: 'me' } })
    await store.getOrSet('b', () => 1, options)
    expect((await seen(back, 2)).map(({ meta, value }) => [meta, value])).toEqual([
      [{ by: 'me' }, 1],
      [undefined, 1],
    ])
  })
})
