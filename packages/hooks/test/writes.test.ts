import { createMemoryBack, type LogChange, Payload, StoreKey, systemClock, Uuid } from '@tidemark/core'
import fc from 'fast-check'
import { filter, map, take, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type Change, createHooks } from '../src/index.ts'
import { codec, commit, deleting, setting } from './support/writing.ts'

describe('writes$', () => {
  it('emits exactly what was committed, with its payload, per op', async () => {
    let now = 1000
    const clock = { ...systemClock, now: () => now }
    const back = createMemoryBack({ clock })
    const hooks = createHooks(back)
    const seen: Change[] = []
    hooks.writes$.subscribe((change) => seen.push(change))

    await commit(back, setting(['user', 1], { name: 'Ada' }, { meta: { by: 'test' }, expiresAt: 2000 }))
    await commit(
      back,
      setting(['user', 1], { name: 'Ada', n: 1 }, { path: ['n'], expiresAt: 2000 }),
      setting('b', null),
    )
    await commit(back, deleting('b'))
    await commit(back, deleting('never there'))
    now = 3000
    await back.expire(10)
    await hooks.idle()

    const { origin } = back
    expect(seen.map((change) => JSON.parse(JSON.stringify(change)) as unknown)).toEqual([
      // prettier-ignore
      { seq: 1, txn: { first: 1, last: 1 }, op: 'set', key: ['user', 1], version: 1, prevVersion: 0, value: { name: 'Ada' }, at: 1000, origin, meta: { by: 'test' }, expiresAt: 2000 },
      // prettier-ignore
      { seq: 2, txn: { first: 2, last: 3 }, op: 'set', key: ['user', 1], path: ['n'], version: 2, prevVersion: 1, value: { name: 'Ada', n: 1 }, at: 1000, origin, expiresAt: 2000 },
      {
        seq: 3,
        txn: { first: 2, last: 3 },
        op: 'set',
        key: ['b'],
        version: 3,
        prevVersion: 0,
        value: null,
        at: 1000,
        origin,
      },
      { seq: 4, txn: { first: 4, last: 4 }, op: 'delete', key: ['b'], version: 4, prevVersion: 3, at: 1000, origin },
      {
        seq: 5,
        txn: { first: 5, last: 5 },
        op: 'expire',
        key: ['user', 1],
        version: 5,
        prevVersion: 2,
        at: 3000,
        origin,
      },
    ])
  })

  it('has delivered before the writer goes on, and not inside the commit', async () => {
    const back = createMemoryBack()
    const hooks = createHooks(back)
    const order: string[] = []
    back.onCommit(() => order.push('committed'))
    hooks.writes$.subscribe(() => order.push('delivered'))
    await commit(back, setting('a', 1))
    order.push('writer')
    expect(order).toEqual(['committed', 'delivered', 'writer'])
  })

  it('gives a subscriber what is committed after it subscribed, not what is still being delivered', async () => {
    const back = createMemoryBack()
    const hooks = createHooks(back)
    const late: number[] = []
    hooks.writes$.pipe(take(1)).subscribe(() => hooks.writes$.subscribe((change) => late.push(change.seq)))
    await commit(back, setting('a', 1), setting('b', 2), setting('c', 3))
    expect(late).toEqual([])
    await commit(back, setting('d', 4))
    expect(late).toEqual([4])
  })

  it('equals the log for any sequence of commits', async () => {
    const write = fc.oneof(
      fc.tuple(fc.integer({ min: 0, max: 4 }), fc.jsonValue()).map(([key, value]) => setting(key, value)),
      fc.integer({ min: 0, max: 4 }).map(deleting),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(write, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
        async (commits) => {
          const back = createMemoryBack()
          const hooks = createHooks(back)
          const seen: Change[] = []
          const hooked: number[] = []
          hooks.writes$.subscribe((change) => seen.push(change))
          hooks.add('copy', (change) => hooked.push(change.seq))
          await Promise.all(commits.map((writes) => commit(back, ...writes)))
          await hooks.close()
          const { changes: rows } = await back.log.read({ after: 0, limit: 1000 })
          expect(hooked).toEqual(rows.map((row) => row.seq))
          expect(seen.map(({ seq, op, key, value, txn }) => ({ seq, op, key, value, ...txn }))).toEqual(
            rows.map(({ seq, op, key, payload, first, last }) => ({
              seq,
              op,
              key: key.tuple,
              value: payload?.read(),
              first,
              last,
            })),
          )
        },
      ),
      { numRuns: 50 },
    )
  })

  it('works with operators, and completes on close', async () => {
    const back = createMemoryBack()
    const hooks = createHooks(back)
    const collected: number[][] = []
    hooks.writes$
      .pipe(
        filter((change) => change.op === 'set'),
        map((change) => change.seq),
        toArray(),
      )
      .subscribe((seqs) => collected.push(seqs))
    await commit(back, setting('a', 1))
    await commit(back, deleting('a'))
    await commit(back, setting('a', 2))
    await hooks.close()
    expect(collected).toEqual([[1, 3]])
  })
})

describe('a change', () => {
  function changeOf(row: Partial<LogChange>): Change {
    const full: LogChange = {
      seq: 1,
      first: 1,
      last: 1,
      op: 'set',
      key: StoreKey.of('a'),
      path: undefined,
      prevVersion: 0,
      payload: Payload.encode(codec, { list: [1] }),
      expiresAt: undefined,
      meta: undefined,
      at: 5,
      origin: 'test',
      ...row,
    }
    let emit: (change: LogChange) => void = () => {}
    const hooks = createHooks({
      onCommit(listener) {
        emit = (change) =>
          listener([{ changes: [change], asOf: 1, proposal: undefined, agreements: new Map(), tiers: [] }])
        return () => {}
      },
    })
    let result: Change | undefined
    hooks.writes$.subscribe((change) => {
      result = change
    })
    emit(full)
    return new Proxy({} as Change, { get: (_, name) => Reflect.get(result!, name, result) as unknown })
  }

  it('cannot be changed by one reader for another', async () => {
    const bytes = new Uint8Array([1, 2])
    const change = changeOf({ key: StoreKey.of(['k', bytes, new Date(0)]) })
    await Promise.resolve()
    expect(() => Object.assign(change.value as object, { x: 1 })).toThrow(TypeError)
    ;(change.key[1] as Uint8Array)[0] = 9
    ;(change.key[2] as Date).setTime(9)
    expect(change.key).toEqual(['k', bytes, new Date(0)])
    expect(Object.isFrozen(change.txn)).toBe(true)
  })

  it('decodes only when asked, and names the change whose value is damaged', async () => {
    const change = changeOf({
      key: StoreKey.of(['user', 7]),
      payload: Payload.fromBytes(codec, new Uint8Array([255, 1])),
    })
    await Promise.resolve()
    expect(change.op).toBe('set')
    expect(() => change.value).toThrow(
      expect.objectContaining({
        code: 'CORRUPT',
        key: 'user:7',
        message: expect.stringContaining('change 1') as string,
      }),
    )
  })

  it('narrows by op', async () => {
    const change = changeOf({ key: StoreKey.of(Uuid.parse('01890a5d-ac96-774b-bcce-b302099a8057')) })
    await Promise.resolve()
    const hasValue = change.op === 'set' || change.op === 'append'
    const value: unknown = hasValue ? change.value : (change.value satisfies undefined)
    expect(value).toEqual({ list: [1] })
  })
})
