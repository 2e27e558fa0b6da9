import { type Commit, CorruptError, isExpired, type LogChange, StoreKey, systemClock } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import type { SqliteBack } from '../src/index.ts'
import { counted } from './support/counted.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { blind, deleteOf, increment, payload, remove, set, setOf, valueOf } from './support/writes.ts'

async function logOf(back: SqliteBack): Promise<readonly LogChange[]> {
  return (await back.log.read({ after: 0, limit: 1_000_000 })).changes
}

describe('group commit', () => {
  test('128 concurrent sets are one transaction', async () => {
    const { statements, verbose } = counted()
    const back = openTemp({}, { verbose })
    statements.length = 0
    const commits = await Promise.all(Array.from({ length: 128 }, (_, i) => set(back, i, i)))
    expect(statements.filter((sql) => sql.startsWith('BEGIN'))).toEqual(['BEGIN IMMEDIATE'])
    expect(statements.filter((sql) => sql === 'COMMIT')).toHaveLength(1)
    expect(commits.map(({ changes }) => changes[0]!.seq)).toEqual(Array.from({ length: 128 }, (_, i) => i + 1))
    expect(commits.map(({ asOf }) => asOf)).toEqual(Array.from({ length: 128 }, (_, i) => i + 1))
  })

  test('a group is cut at maxGroup writes, and a proposal stays whole', async () => {
    const { statements, verbose } = counted()
    const back = openTemp({ maxGroup: 10 }, { verbose })
    statements.length = 0
    await Promise.all(
      Array.from({ length: 9 }, (_, i) => back.commit(blind(...Array.from({ length: 4 }, (_, j) => setOf([i, j], 0))))),
    )
    expect(statements.filter((sql) => sql === 'COMMIT')).toHaveLength(3)
    expect((await logOf(back)).map(({ first, last }) => last - first + 1)).toEqual(Array.from({ length: 36 }, () => 4))
  })

  test('from minGroup on, about half of what waits shares a transaction, in order', async () => {
    const { statements, verbose } = counted()
    const back = openTemp({ minGroup: 10 }, { verbose })
    statements.length = 0
    const commits = await Promise.all(Array.from({ length: 60 }, (_, i) => set(back, i, i)))
    // 30, 15, 10, and the 5 that are left.
    expect(statements.filter((sql) => sql === 'COMMIT')).toHaveLength(4)
    expect(commits.map(({ changes }) => changes[0]!.seq)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
  })

  test('a decision that throws in the middle fails alone and leaves no gap', async () => {
    const back = openTemp()
    const fault = new Error('no')
    const results = await Promise.allSettled([
      set(back, 'a', 1),
      back.commit({
        reads: [],
        decide: () => {
          throw fault
        },
      }),
      back.commit({
        reads: [StoreKey.of('a')],
        decide: () => {
          throw fault
        },
      }),
      set(back, 'b', 2),
    ])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: fault })
    expect(results[2]).toMatchObject({ reason: fault })
    expect((await logOf(back)).map(({ seq, key }) => [seq, key.id])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ])
  })

  test('an error of one proposal that SQLite or the driver raises does not reach the others', async () => {
    const back = openTemp()
    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    const wrong = { ...setOf('wrong', 1), path: cyclic as never }
    const results = await Promise.allSettled([set(back, 'a', 1), back.commit(blind(wrong)), set(back, 'b', 2)])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((await logOf(back)).map(({ seq }) => seq)).toEqual([1, 2])
  })

  test('each proposal sees what the earlier ones of its group wrote', async () => {
    const back = openTemp()
    await Promise.all(Array.from({ length: 50 }, () => back.commit(increment('n'))))
    expect(await valueOf(back, 'n')).toBe(50)
    expect((await logOf(back)).map(({ prevVersion }) => prevVersion)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  test('a blind write, a delete and a read of one key in one group', async () => {
    const back = openTemp()
    await set(back, 'k', 'old')
    const seen: unknown[] = []
    const look = {
      reads: [StoreKey.of('k')],
      decide: (current: readonly unknown[]) => {
        seen.push((current[0] as { payload: { read(): unknown } } | undefined)?.payload.read())
        return []
      },
    }
    const [, , set1, , removed, removedAgain] = await Promise.all([
      back.commit(look),
      back.commit(blind()),
      set(back, 'k', 'new'),
      back.commit(look),
      remove(back, 'k'),
      remove(back, 'k'),
      back.commit(look),
    ])
    expect(seen).toEqual(['old', 'new', undefined])
    expect(set1.changes[0]).toMatchObject({ seq: 2, prevVersion: 1 })
    expect(removed.changes[0]).toMatchObject({ seq: 3, op: 'delete', prevVersion: 2, payload: undefined })
    expect(removedAgain).toMatchObject({ changes: [], asOf: 3 })
    expect(await valueOf(back, 'k')).toBeUndefined()
  })

  test('one key several times in one commit', async () => {
    const back = openTemp()
    const { changes } = await back.commit(
      blind(setOf('k', 1), deleteOf('k'), deleteOf('k'), setOf('k', 2), setOf('other', 3), setOf('k', 4)),
    )
    expect(changes.map(({ op, key, prevVersion }) => [op, key.id, prevVersion])).toEqual([
      ['set', 'k', 0],
      ['delete', 'k', 1],
      ['set', 'k', 0],
      ['set', 'other', 0],
      ['set', 'k', 3],
    ])
    expect(changes.every(({ first, last }) => first === 1 && last === 5)).toBe(true)
    expect(await valueOf(back, 'k')).toBe(4)
  })

  test('a key that is too long fails its own proposal', async () => {
    const back = openTemp()
    const results = await Promise.allSettled([
      set(back, 'a', 1),
      Promise.resolve().then(() => set(back, 'x'.repeat(5000), 1)),
    ])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected'])
  })
})

describe('what a commit stores', () => {
  test('everything of a write comes back, from the entry and from the log', async () => {
    const file = tempFile()
    const back = openTemp({ file })
    const expiresAt = Date.now() + 60_000
    const write = { ...setOf(['k', 1], { a: [1] }, expiresAt), meta: payload({ who: 'me' }), path: ['a', 0] as const }
    const { changes } = await back.commit(blind(write as never))
    await back.close()
    const again = openTemp({ file })
    const { entry, until } = again.readOne(StoreKey.of(['k', 1]))
    expect(until).toBe(expiresAt)
    expect(entry).toMatchObject({ version: 1, expiresAt, writtenAt: changes[0]!.at })
    expect(entry!.payload.read()).toEqual({ a: [1] })
    expect(entry!.meta!.read()).toEqual({ who: 'me' })
    const [change] = await logOf(again)
    expect(change).toMatchObject({
      seq: 1,
      first: 1,
      last: 1,
      op: 'set',
      path: ['a', 0],
      expiresAt,
      origin: back.origin,
    })
    expect(change!.payload!.read()).toEqual({ a: [1] })
    expect(change!.meta!.read()).toEqual({ who: 'me' })
    expect(change!.key.tuple).toEqual(['k', 1])
    expect(again.log.identity).toEqual(back.log.identity)
    expect(again.origin).not.toBe(back.origin)
  })

  test('bytes are plain and belong to one entry', async () => {
    const back = openTemp()
    await set(back, 'k', 'v')
    const { entry } = back.readOne(StoreKey.of('k'))
    expect(Object.getPrototypeOf(entry!.payload.bytes)).toBe(Uint8Array.prototype)
    expect(entry!.payload.bytes.buffer.byteLength).toBe(entry!.payload.bytes.byteLength)
  })

  test('commit times never decrease', async () => {
    let now = 1000
    const back = openTemp({ clock: { ...systemClock, now: () => now } })
    const times: number[] = []
    for (const time of [1000, 2000, 500, 2001]) {
      now = time
      times.push((await set(back, 'k', 1)).changes[0]!.at)
    }
    expect(times).toEqual([1000, 2000, 2000, 2001])
  })

  test('an expired entry counts as absent, and is swept with a logged change', async () => {
    let now = 1000
    const back = openTemp({ clock: { ...systemClock, now: () => now } })
    for (const key of ['a', 'b', 'c', 'd']) await set(back, key, key, 2000)
    await set(back, 'stays', 1)
    now = 2000
    const seen = (await back.read([StoreKey.of('a'), StoreKey.of('stays')])).map(({ entry }) => entry?.version)
    expect(seen).toEqual([undefined, 5])
    expect((await remove(back, 'a')).changes).toEqual([])
    expect((await set(back, 'b', 'again')).changes[0]).toMatchObject({ prevVersion: 0 })
    expect(await back.count({ start: new Uint8Array(), end: undefined })).toBe(2)
    const [swept, , rest] = await Promise.all([
      back.expire(1),
      set(back, 'c', 'in between'),
      back.expire(10),
      back.expire(10),
    ])
    expect(swept.changes).toHaveLength(1)
    expect(swept.changes[0]).toMatchObject({ op: 'expire', key: { id: 'a' }, prevVersion: 1, payload: undefined })
    expect(rest.changes.map(({ key, prevVersion }) => [key.id, prevVersion])).toEqual([['d', 4]])
    expect((await back.expire(10)).changes).toEqual([])
    expect(await valueOf(back, 'c')).toBe('in between')
  })

  test('a value that is already expired when it is written', async () => {
    const back = openTemp()
    const [, removed, again] = await Promise.all([set(back, 'k', 1, 5), remove(back, 'k'), set(back, 'k', 2, 5)])
    expect(removed.changes).toEqual([])
    expect(again.changes[0]).toMatchObject({ prevVersion: 0 })
    expect((await back.expire(5)).changes[0]).toMatchObject({ op: 'expire', prevVersion: 2 })
    expect(isExpired({ expiresAt: 5 }, Date.now())).toBe(true)
  })
})

describe('commit listeners', () => {
  test('are called in seq order before the writers, once per commit that changed something', async () => {
    const back = openTemp()
    const events: unknown[] = []
    const stop = back.onCommit((commits) => events.push(commits.map(({ changes }) => changes.map(({ seq }) => seq))))
    const note = (commit: Commit): void => void events.push(`ack ${commit.asOf}`)
    await Promise.all([
      set(back, 'a', 1).then(note),
      remove(back, 'missing'),
      back.commit(blind(setOf('b', 1), setOf('c', 1))).then(note),
    ])
    expect(events).toEqual([[[1], [2, 3]], 'ack 1', 'ack 3'])
    stop()
    await set(back, 'a', 2)
    expect(events).toHaveLength(3)
  })

  test('one that throws is reported and disturbs nobody', async () => {
    const errors: unknown[] = []
    const back = openTemp({ onError: (error) => errors.push(error) })
    const fault = new CorruptError('listener')
    const heard: number[] = []
    back.onCommit(() => {
      throw fault
    })
    back.onCommit((commits) => heard.push(commits.length))
    await set(back, 'a', 1)
    expect(heard).toEqual([1])
    expect(errors).toEqual([fault])
  })

  test('a write made by a listener comes after the writes that waited already', async () => {
    const back = openTemp({ maxGroup: 1 })
    let nested: Promise<Commit> | undefined
    back.onCommit(() => {
      nested ??= set(back, 'nested', 1)
    })
    const [, second] = await Promise.all([set(back, 'a', 1), set(back, 'b', 1)])
    expect(second.asOf).toBe(2)
    expect((await nested!).asOf).toBe(3)
  })

  test('the store can be closed by a listener while more waits', async () => {
    const back = openTemp({ maxGroup: 1 })
    let closed: Promise<void> | undefined
    back.onCommit(() => {
      closed ??= back.close()
    })
    const [, second] = await Promise.all([set(back, 'a', 1), set(back, 'b', 1)])
    expect(second.asOf).toBe(2)
    await closed
  })
})
