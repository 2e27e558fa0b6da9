import { type Clock, createMemoryBack, type Log, type MemoryBack, Store, TidemarkError } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Change, createHooks, type HookBus, type HookError } from '../src/index.ts'
import { deferred } from './support/deferred.ts'
import { commit, deleting, setting } from './support/writing.ts'

interface Fixture {
  readonly back: MemoryBack
  readonly hooks: HookBus
  readonly errors: readonly HookError[]
  /** What the log was asked for. */
  readonly looks: readonly (readonly number[])[]
}

/** @param at what happens when the log is asked for changes, beside that it answers */
function open(at: () => void | Promise<void> = () => {}, back = createMemoryBack(), clock?: Clock): Fixture {
  const looks: (readonly number[])[] = []
  const ask: Log['at'] = async (seqs) => {
    looks.push(seqs)
    const found = await back.log.at(seqs)
    await at()
    return found
  }
  const log = new Proxy(back.log, {
    get: (target, name) => (name === 'at' ? ask : (Reflect.get(target, name, target) as unknown)),
  })
  const hooks = createHooks({ onCommit: (listener) => back.onCommit(listener), log }, { clock })
  const errors: HookError[] = []
  hooks.hookErrors$.subscribe((error) => errors.push(error))
  onTestFinished(() => hooks.close())
  return { back, hooks, errors, looks }
}

const summary = ({ op, key, value, old, oldCompacted }: Change): unknown => [op, key[0], value, old, oldCompacted]

describe('a hook that asks for old values', () => {
  it('is told what each change replaced, the others are not, and the log is asked once for all of them', async () => {
    const { back, hooks, looks } = open()
    const told: Record<string, unknown[]> = { one: [], two: [], plain: [], stream: [] }
    hooks.add('plain', (change) => void told['plain']!.push(summary(change)))
    hooks.writes$.subscribe((change) => told['stream']!.push(summary(change)))
    await commit(back, setting('a', { n: 1 }))
    await hooks.idle()
    expect(looks).toEqual([])
    hooks.add('one', (change) => void told['one']!.push(summary(change)), { old: true })
    hooks.add('two', async (change) => void told['two']!.push(summary(change)), { old: true })
    await commit(back, setting('a', { n: 2 }), setting('b', null), setting('b', 1))
    await commit(back, setting('c', 1))
    await commit(back, deleting('a'), deleting('b'))
    await hooks.idle()
    const rows = [
      ['set', 'a', { n: 2 }, { n: 1 }, undefined],
      ['set', 'b', null, undefined, undefined],
      ['set', 'b', 1, null, undefined],
      ['set', 'c', 1, undefined, undefined],
      ['delete', 'a', undefined, { n: 2 }, undefined],
      ['delete', 'b', undefined, 1, undefined],
    ] as const
    expect(told['one']).toEqual(rows)
    expect(told['two']).toEqual(rows)
    const plain = [
      ['set', 'a', { n: 1 }, undefined, undefined],
      ...rows.map(([op, key, value]) => [op, key, value, undefined, undefined]),
    ]
    expect(told['plain']).toEqual(plain)
    expect(told['stream']).toEqual(plain)
    // Of what replaces nothing, nothing is asked.
    expect(looks).toEqual([
      [1, 3],
      [2, 4],
    ])
    hooks.remove('one')
    hooks.remove('two')
    await commit(back, setting('c', 2))
    await hooks.idle()
    expect(looks).toHaveLength(2)
  })

  it('is told of logs and blobs without a value, and that the log does not hold one any more', async () => {
    const back = createMemoryBack({ maxLogChanges: 1 })
    const store = new Store(back)
    const { hooks } = open(undefined, back)
    const told: unknown[] = []
    const hear = (): void =>
      hooks.add('h', ({ op, old, oldCompacted }) => void told.push([op, old, oldCompacted]), {
        old: true,
        replace: true,
      })
    await store.set('a', 1)
    await store.set('b', 1)
    hear()
    await store.set('a', 2)
    await store.set('a', 3)
    await store.delete('b')
    await hooks.idle()
    expect(told.splice(0)).toEqual([
      ['set', undefined, true],
      ['set', undefined, true],
      ['delete', undefined, true],
    ])
    const { back: whole, hooks: heard } = open()
    const other = new Store(whole)
    heard.add('h', ({ op, old, oldCompacted }) => void told.push([op, old, oldCompacted]), { old: true })
    await other.log('l').append(1)
    await other.set('l', 'a value')
    await other.blob('l').write(new Uint8Array([1]))
    await other.delete('l')
    await heard.idle()
    expect(told).toEqual([
      ['append', undefined, undefined],
      ['set', undefined, undefined],
      ['blob', 'a value', undefined],
      ['delete', undefined, undefined],
    ])
  })

  it('gets its changes in order and one at a time, however long the looks take, and holds nobody up', async () => {
    const [gates, ends] = [Array.from({ length: 3 }, deferred), Array.from({ length: 3 }, deferred)]
    let asked = 0
    const { back, hooks } = open(() => gates[asked++]!.promise)
    await commit(back, setting('a', 0))
    const slow: string[] = []
    const plain: number[] = []
    hooks.add('plain', ({ seq }) => void plain.push(seq))
    hooks.add(
      'slow',
      async ({ seq, old }) => {
        slow.push(`start ${seq} ${String(old)}`)
        await ends[seq - 2]!.promise
        slow.push(`end ${seq}`)
      },
      { old: true },
    )
    for (const n of [1, 2, 3]) await commit(back, setting('a', n))
    expect(plain).toEqual([2, 3, 4])
    for (const gate of gates.toReversed()) gate.resolve()
    await eventually('it is called', () => slow.length > 0)
    for (const end of ends.toReversed()) end.resolve()
    await hooks.idle()
    expect(slow).toEqual(['start 2 0', 'end 2', 'start 3 1', 'end 3', 'start 4 2', 'end 4'])
  })

  it('that was removed while its change was looked up is not called any more', async () => {
    const gate = deferred()
    const { back, hooks, errors } = open(() => gate.promise)
    await commit(back, setting('a', 0), setting('b', 0))
    const told: number[] = []
    hooks.add('h', ({ seq }) => void told.push(seq), { old: true })
    const others: number[] = []
    hooks.add('stays', ({ seq }) => void others.push(seq), { old: true })
    expect((await commit(back, deleting('a'), deleting('b'))).changes).toHaveLength(2)
    expect(hooks.remove('h')).toBe(true)
    gate.resolve()
    await hooks.idle()
    expect([told, others, errors]).toEqual([[], [3, 4], []])
  })

  it('is not called with what cannot be looked up, which is reported, and gets the next change', async () => {
    const failure = new TidemarkError('IO', 'no')
    let fails = true
    const { back, hooks, errors } = open(() => {
      if (fails) throw failure
    })
    await commit(back, setting('a', 0))
    const told: unknown[] = []
    hooks.add('h', ({ seq, old }) => void told.push([seq, old]), { old: true })
    await commit(back, setting('a', 1))
    await hooks.idle()
    fails = false
    await commit(back, setting('a', 2))
    await hooks.idle()
    expect(told).toEqual([[3, 1]])
    expect(errors).toMatchObject([{ kind: 'hook-failed', hook: 'h', change: { seq: 2 }, error: failure }])
  })

  it('that throws is reported with the change that it was called with', async () => {
    const { back, hooks, errors } = open()
    await commit(back, setting('a', 0))
    const boom = new Error('boom')
    hooks.add(
      'h',
      () => {
        throw boom
      },
      { old: true },
    )
    await commit(back, setting('a', 1))
    await hooks.idle()
    expect(errors).toMatchObject([{ kind: 'hook-failed', hook: 'h', change: { seq: 2, old: 0 }, error: boom }])
  })

  it('that falls behind while the log is looked at is removed, with everything that it did not get', async () => {
    const gate = deferred()
    const { back, hooks, errors } = open(() => gate.promise)
    await commit(back, setting('a', 0))
    const told: number[] = []
    hooks.add('h', ({ seq }) => void told.push(seq), { old: true, maxPending: 2 })
    for (const n of [1, 2, 3]) await commit(back, setting('a', n))
    expect(errors).toEqual([])
    await commit(back, setting('a', 4))
    gate.resolve()
    await hooks.idle()
    expect(errors).toMatchObject([
      { kind: 'hook-disconnected', reason: 'overflow', hook: 'h', missed: 4, change: { seq: 2 } },
    ])
    expect([told, hooks.remove('h')]).toEqual([[], false])
  })

  it('that waits for the log when the bus is closed for good has missed that change, too', async () => {
    const timers: (() => void)[] = []
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      schedule: (_, task) => (timers.push(task), () => {}),
      sleep: () => Promise.resolve(),
    }
    const { back, hooks, errors } = open(() => new Promise(() => {}), undefined, clock)
    await commit(back, setting('a', 0))
    hooks.add('h', () => {}, { old: true })
    for (const n of [1, 2]) await commit(back, setting('a', n))
    const closing = hooks.close()
    timers[0]!()
    await closing
    expect(errors).toMatchObject([
      { kind: 'hook-disconnected', reason: 'abandoned', hook: 'h', missed: 2, change: { seq: 2 } },
    ])
  })

  it('is told what its writer knew before he closed the store, and of the writes that he did not wait for', async () => {
    const { back, hooks, errors } = open()
    const store = new Store(back)
    await store.set('a', 0)
    const told: unknown[] = []
    hooks.add('h', ({ seq, old, oldCompacted }) => void told.push([seq, old, oldCompacted]), { old: true })
    await store.set('a', 1)
    const behind = store.set('a', 2)
    await store.close()
    await behind
    await hooks.close()
    expect(told).toEqual([
      [2, 0, undefined],
      // The log was closed before this one was committed.
      [3, undefined, true],
    ])
    expect(errors).toEqual([])
  })

  it('needs a log, and refuses what is no flag', () => {
    const { back, hooks } = open()
    const blind = createHooks({ onCommit: (listener) => back.onCommit(listener) })
    expect(() => blind.add('h', () => {}, { old: true })).toThrow(/the log of the source/)
    blind.add('h', () => {})
    expect(() => hooks.add('h', () => {}, { old: 1 as never })).toThrow(/option old/)
  })
})
