import { createMemoryBack, Store } from '@tidemark/core'
import { ManualClock, shortPages } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { decodeToken, follow } from '../../src/index.ts'
import { iterate, until } from '../support/following.ts'
import { range } from '../support/reading.ts'
import { commit, commitNumbers, deleting, setting } from '../support/writing.ts'

describe('follow', () => {
  it('shows everything, says when it has, and goes on with changes', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    await store.set(['user', 1], { name: 'Ada' }, { meta: { by: 'test' }, ttlMs: 60_000 })
    await store.set(['user', 2], 'gone')
    await store.delete(['user', 2])
    await store.set('other', 1)
    const stream = iterate(back, { prefix: ['user'] })
    const [snapshot, ready] = await until('ready', stream)
    expect(snapshot).toMatchObject({
      kind: 'snapshot',
      asOf: 4,
      entries: [{ key: ['user', 1], value: { name: 'Ada' }, version: 1, meta: { by: 'test' }, tags: [] }],
    })
    const [entry] = snapshot?.kind === 'snapshot' ? snapshot.entries : []
    expect(Object.isFrozen(entry!.value)).toBe(true)
    expect(entry!.expiresAt).toBeInstanceOf(Date)
    expect(ready).toMatchObject({ kind: 'ready', head: 4 })
    await store.set('other', 2)
    await store.set(['user', 3], 3)
    expect((await stream.next()).value).toMatchObject({ kind: 'changes', changes: [{ seq: 6, key: ['user', 3] }] })
    await stream.return!()
  })

  it('goes on after a page that ends early', async () => {
    const back = shortPages(createMemoryBack())
    await commitNumbers(back, 7)
    const stream = iterate(back)
    const shown = (await until('ready', stream)).flatMap((step) => (step.kind === 'snapshot' ? step.entries : []))
    expect(shown.map(({ value }) => value)).toEqual(range(1, 7))
    await stream.return!()
  })

  it('of an empty store is ready at once', async () => {
    const stream = iterate(createMemoryBack())
    expect(await until('ready', stream)).toMatchObject([{ kind: 'ready', head: 0 }])
    await stream.return!()
  })

  it('shows what happens meanwhile to what it has shown, and nothing of it twice', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    const stream = iterate(back, { batch: 2 })
    expect((await stream.next()).value).toMatchObject({
      kind: 'snapshot',
      entries: [{ key: ['n', 1] }, { key: ['n', 2] }],
    })
    // One shown key, one that is still to come, and a new one on each side.
    await commit(back, deleting(['n', 1]), setting(['n', 3], 'new'))
    await commit(back, setting(['a'], 1), setting(['z'], 1))
    const steps = await until('ready', stream)
    expect(
      steps.map((step) =>
        (step.kind === 'snapshot' ? step.entries : step.kind === 'catch-up' ? step.changes : []).map(({ key }) => key),
      ),
    ).toEqual([
      [['n', 1]],
      [['a']],
      [
        ['n', 3],
        ['n', 4],
      ],
      [['z']],
      [],
    ])
    const { token } = steps.at(-1) as { token: string }
    expect(decodeToken(token).seq).toBe(8)
    await stream.return!()
  })

  it('resumes from its tokens without a snapshot', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    const first = iterate(back)
    const ready = (await until('ready', first)).at(-1) as { token: string }
    await first.return!()
    await commitNumbers(back, 2, 3)
    const second = iterate(back, { after: ready.token })
    const step = (await second.next()).value!
    expect(step).toMatchObject({ kind: 'changes', changes: [{ seq: 3 }, { seq: 4 }] })
    await second.return!()
  })

  it('hides what readers do not see: expired, stale and invalidated entries, and remembered absences', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    const store = new Store(back, { clock, random: () => 0 })
    await store.set('expired', 1, { ttlMs: 10 })
    await store.set('tagged', 1, { tags: ['t', 'u'] })
    await store.getOrSet('stale', () => 1, { ttlMs: 10, graceMs: 100_000 })
    await store.getOrSet('absent', () => undefined, { negativeTtlMs: 100_000 })
    await store.set('seen', 1, { tags: ['u'] })
    await store.invalidateTag('t')
    clock.advance(20)
    const stream = iterate(back, { clock, prefix: [] })
    const [snapshot] = await until('ready', stream)
    expect(snapshot).toMatchObject({ entries: [{ key: ['seen'], tags: ['u'] }] })
    await store.getOrSet('stale', () => 2, { ttlMs: 10, graceMs: 100_000, tags: ['v'] })
    await store.invalidateTag('u')
    const next = (await stream.next()).value!
    expect(next).toMatchObject({
      changes: [
        { op: 'set', expiresAt: clock.now() + 10, tags: ['v'] },
        { op: 'invalidate-tag', tag: 'u' },
      ],
    })
    await stream.return!()
  })

  it('tells of invalidations also where only a prefix is followed', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    const stream = iterate(back, { prefix: 'a' })
    await until('ready', stream)
    await store.set('b', 1, { tags: ['t'] })
    await store.invalidateTag('t')
    expect((await stream.next()).value).toMatchObject({ changes: [{ op: 'invalidate-tag', tag: 't' }] })
    await stream.return!()
  })

  it('ends with a typed error when the store is restored in the middle', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    const scanning = iterate(back, { batch: 2 })
    const following = iterate(back)
    await scanning.next()
    await until('ready', following)
    await commitNumbers(back, 1, 5)
    await back.restored()
    await expect(until('ready', scanning)).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
    await expect(following.next()).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
  })

  it('does not wait for the rest when it is stopped', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    const stream = iterate(back, { batch: 1 })
    await stream.next()
    const pending = stream.next()
    await stream.return!()
    expect((await pending).done).toBe(true)
  })

  it.each<[string, object]>([
    ['ops', { ops: ['set'] }],
    ['from', { from: 'now' }],
    ['onCompacted', { onCompacted: 'latest' }],
    ['batch', { batch: 0 }],
    ['clock', { clock: {} }],
  ])('a wrong %s is refused at once', (name, options) => {
    expect(() => follow(createMemoryBack(), options)).toThrow(name)
  })
})
