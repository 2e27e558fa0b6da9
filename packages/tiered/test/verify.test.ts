import { systemClock } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { lastValueFrom, tap, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { VerifyOptions, VerifyProgress } from '../src/index.ts'
import { Fleet, heldIn, type Instance, keyOf, tailed, useRedis } from './support/fleet.ts'

const redis = useRedis()

describe('verify', () => {
  const only = { readPolicy: 'frontend-only' } as const

  /** The last step, with what was found in all of them. */
  async function verified({ tiers }: Instance, options?: VerifyOptions): Promise<VerifyProgress> {
    const steps = await lastValueFrom(tiers.verify(options).pipe(toArray()))
    return { ...steps.at(-1)!, found: steps.flatMap(({ found }) => found) }
  }

  test('finds nothing where nothing is wrong, also while somebody writes', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    const items = Array.from({ length: 1_200 }, (_, i) => [['n', i], i] as const)
    await a.store.setMany(items)
    let writing = true
    const writer = (async () => {
      for (let i = 0; writing; i++) await a.store.set(['n', i % 1_200], -i)
    })()
    const { done, differences } = await lastValueFrom(a.tiers.verify())
    writing = false
    await writer
    expect(differences).toBe(0)
    expect(done).toBeGreaterThanOrEqual(1_200)
  })

  test('finds what a foreign hand has put there, tells it, and takes it out', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    await a.store.setMany(['stale', 'gone', 'altered', 'right'].map((key) => [key, 'one'] as const))
    const name = async (key: string): Promise<string> => (await fleet.recordName(key))!
    const names = { stale: await name('stale'), gone: await name('gone'), altered: await name('altered') }
    const before = { stale: await fleet.raw.getBuffer(names.stale), gone: await fleet.raw.getBuffer(names.gone) }
    await a.store.set('stale', 'two')
    const { version } = await a.store.delete('gone')
    await tailed(a, version)
    await fleet.raw.set(names.stale, before.stale!, 'PX', 60_000)
    await fleet.raw.set(names.gone, before.gone!, 'PX', 60_000)
    const bytes = (await fleet.raw.getBuffer(names.altered))!
    bytes[bytes.length - 1]! ^= 1
    await fleet.raw.set(names.altered, bytes, 'PX', 60_000)
    const looked = await verified(a, { repair: false })
    expect(Object.fromEntries(looked.found.map(({ key, kind }) => [key, kind]))).toEqual({
      [keyOf('stale').id]: 'stale',
      [keyOf('gone').id]: 'stale',
      [keyOf('altered').id]: 'altered',
    })
    expect(looked).toMatchObject({ differences: 3, repaired: 0 })
    expect(await lastValueFrom(a.tiers.verify())).toMatchObject({ differences: 3, repaired: 3 })
    expect(await lastValueFrom(a.tiers.verify())).toMatchObject({ differences: 0 })
    expect(await a.store.get('stale', only)).toBeUndefined()
    expect([await a.store.get('stale'), await a.store.get('gone'), await a.store.get('altered')]).toEqual([
      'two',
      undefined,
      'one',
    ])
  })

  test('a record whose meta, end or time of writing is another one is altered', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    const keys = ['meta', 'bare', 'end', 'endless', 'time', 'right']
    for (const key of keys) {
      const meta = key === 'bare' ? undefined : { by: 'a' }
      await a.store.set(key, 'one', { meta, ...(key === 'endless' ? {} : { ttlMs: 600_000 }) })
    }
    expect(await lastValueFrom(a.tiers.verify())).toMatchObject({ done: keys.length, differences: 0 })
    // Where they stand in a record; see record.ts of @tidemark/redis.
    const [writtenAt, expiresAt, metaLength, body] = [35, 43, 51, 55]
    const change = async (key: string, alter: (record: Buffer) => Buffer | void): Promise<void> => {
      const name = (await fleet.recordName(key))!
      const record = (await fleet.raw.getBuffer(name))!
      await fleet.raw.set(name, alter(record) ?? record, 'PX', 60_000)
    }
    await change('meta', (record) => void (record[body + record.readUInt32BE(metaLength) - 1]! ^= 1))
    await change('bare', (record) => {
      record.writeUInt32BE(2, metaLength)
      return Buffer.concat([record.subarray(0, body), Buffer.from([1, 1]), record.subarray(body)])
    })
    await change('end', (record) => void record.writeDoubleBE(record.readDoubleBE(expiresAt) + 1, expiresAt))
    await change('endless', (record) => void record.writeDoubleBE(Date.now() + 600_000, expiresAt))
    await change('time', (record) => void record.writeDoubleBE(record.readDoubleBE(writtenAt) - 1, writtenAt))
    const { found } = await verified(a)
    const altered = keys.slice(0, -1).map((key) => [keyOf(key).id, 'altered'])
    expect(Object.fromEntries(found.map(({ key, kind }) => [key, kind]))).toEqual(Object.fromEntries(altered))
    expect(await lastValueFrom(a.tiers.verify())).toMatchObject({ differences: 0 })
    expect(await a.store.entry('meta')).toMatchObject({ meta: { by: 'a' } })
  })

  test('a record ahead of the log, or altered at its head, goes, and nothing else: Redis does not start anew', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    await a.store.setMany(['ahead', 'far', 'right', 'head'].map((key) => [key, 'one'] as const))
    const { version: head } = (await a.store.entry('head'))!
    await tailed(a, head)
    const before = await a.front.look()
    const change = async (key: string, alter: (record: Buffer) => void): Promise<void> => {
      const name = (await fleet.recordName(key))!
      const record = (await fleet.raw.getBuffer(name))!
      alter(record)
      await fleet.raw.set(name, record, 'PX', 60_000)
    }
    // Where the version stands in a record; see record.ts of @tidemark/redis.
    const version = (seq: number) => (record: Buffer) => void record.write(String(seq).padStart(16, '0'), 10, 'latin1')
    await change('ahead', version(head + 1))
    await change('far', version(Number.MAX_SAFE_INTEGER - 1))
    await change('head', (record) => void (record[record.length - 1]! ^= 1))
    const { found, repaired } = await verified(a)
    expect(Object.fromEntries(found.map(({ key, kind }) => [key, kind]))).toEqual({
      [keyOf('ahead').id]: 'ahead',
      [keyOf('far').id]: 'ahead',
      [keyOf('head').id]: 'altered',
    })
    expect(repaired).toBe(3)
    expect(await a.front.look()).toEqual(before)
    const held = await heldIn(a.front, ['ahead', 'far', 'right', 'head'].map(keyOf))
    expect(held.map((record) => record?.entry?.payload.read())).toEqual([undefined, undefined, 'one', undefined])
    // Nothing stands in the way of what comes next.
    for (const key of ['ahead', 'far', 'head']) {
      await a.store.set(key, 'two')
      expect(await a.store.get(key, only)).toBe('two')
    }
  })

  test('what comes from the back tier is what writers put there', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    await a.store.set('k', 'one', { meta: { by: 'a' }, ttlMs: 600_000, tags: ['t'] })
    await a.store.set('plain', 'one', { expiresAt: Date.now() + 600_000.5 })
    await fleet.evictAll()
    await lastValueFrom(a.tiers.warm())
    expect(await lastValueFrom(a.tiers.verify())).toMatchObject({ done: 2, differences: 0, undecided: 0 })
  })

  test('what no key is called is told, and keeps nobody from telling and repairing the rest', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    const { version } = await a.store.set('k', 'one')
    const name = (await fleet.recordName('k'))!
    const record = (await fleet.raw.getBuffer(name))!
    const id = '%not a key'
    await fleet.raw.set(name.slice(0, -keyOf('k').id.length) + id, record, 'PX', 60_000)
    record[record.length - 1]! ^= 1
    await fleet.raw.set(name, record, 'PX', 60_000)
    const foreign = { tier: 'redis', key: id, kind: 'foreign', version, expected: undefined }
    const altered = { tier: 'redis', key: 'k', kind: 'altered', version, expected: version }
    const first = await verified(a)
    expect(first).toMatchObject({ done: 2, differences: 2, repaired: 1 })
    expect(first.found).toEqual(expect.arrayContaining([foreign, altered]))
    expect(await verified(a)).toMatchObject({ done: 1, differences: 1, repaired: 0, found: [foreign] })
  })

  test('a record that nobody can read is told, wherever it is damaged, and goes', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    // See record.ts of @tidemark/redis. A damaged epoch is another one, of which records may be left.
    const damages: Record<string, (record: Buffer) => Buffer | void> = {
      kind: (record) => void record.write('X', 0),
      version: (record) => void record.write('x', 25),
      'cut short': (record) => record.subarray(0, 20),
      flags: (record) => void record.write('1', 1),
      format: (record) => void (record[26] = 9),
      end: (record) => void record.writeDoubleBE(Number.NaN, 27),
      'length of the meta': (record) => void record.writeUInt32BE(1_000, 51),
    }
    const damaged = Object.keys(damages)
    const versions = new Map<string, number>()
    for (const key of [...damaged, 'altered', 'right']) versions.set(key, (await a.store.set(key, 'one')).version)
    await tailed(a, versions.get('right')!)
    const names = new Map<string, string>()
    for (const key of versions.keys()) {
      const name = (await fleet.recordName(key))!
      const record = (await fleet.raw.getBuffer(name))!
      if (key === 'altered') record[record.length - 1]! ^= 1
      await fleet.raw.set(name, damages[key]?.(record) ?? record, 'PX', 60_000)
      names.set(key, name)
    }
    await fleet.raw.set(names.get('right')!.slice(0, -keyOf('right').id.length) + '%not a key', 'x', 'PX', 60_000)
    const told = (key: string) => ({
      tier: 'redis',
      key: keyOf(key).id,
      kind: key === 'altered' ? 'altered' : 'damaged',
      version: key === 'altered' ? versions.get(key) : undefined,
      expected: versions.get(key),
    })
    const foreign = { tier: 'redis', key: '%not a key', kind: 'foreign', version: undefined, expected: undefined }
    const [all, count] = [[...damaged, 'altered'].map(told), versions.size + 1]
    const looked = await verified(a, { repair: false })
    expect(looked).toMatchObject({ done: count, differences: count - 1, repaired: 0, undecided: 0 })
    expect(looked.found).toHaveLength(count - 1)
    expect(looked.found).toEqual(expect.arrayContaining([foreign, ...all]))
    expect(await verified(a)).toMatchObject({ done: count, differences: count - 1, repaired: count - 2 })
    expect(await verified(a)).toMatchObject({ done: 2, differences: 1, repaired: 0, found: [foreign] })
    for (const key of damaged) expect([key, await a.store.get(key)]).toEqual([key, 'one'])
  })

  describe('a front that has lost what it held is no front where nothing is wrong', () => {
    const lost = { code: 'FRONT_UNAVAILABLE', retryable: true, tier: 'redis' }

    test.each(['has not heard of it', 'knows it'])('and this process %s', async (state) => {
      const fleet = new Fleet(redis.server)
      const a = await fleet.open()
      await a.store.set('k', 1)
      const looks = a.front.hold('look')
      a.front.inject(({ method }) => (method === 'initialize' ? 'drop-before' : undefined))
      await fleet.raw.flushall()
      if (state === 'knows it') looks.release()
      if (state === 'knows it') await eventually('it knows', () => a.front.session?.epoch === undefined)
      const outcome = lastValueFrom(a.tiers.verify())
      looks.release()
      await expect(outcome).rejects.toMatchObject(lost)
    })

    test('nor when that happens on the way, and nobody knows it until the end', async () => {
      const fleet = new Fleet(redis.server)
      const a = await fleet.open()
      await a.store.set('k', 1)
      const listing = a.front.hold('records')
      let steps = 0
      const outcome = lastValueFrom(a.tiers.verify().pipe(tap(() => steps++)))
      outcome.catch(() => {})
      await listing.arrived()
      const looks = a.front.hold('look')
      a.front.inject(({ method }) => (['initialize', 'tail'].includes(method) ? 'drop-before' : undefined))
      await fleet.raw.flushall()
      listing.release()
      await eventually('everything was compared', () => steps > 0)
      looks.release()
      await expect(outcome).rejects.toMatchObject(lost)
    })

    test('nor when that happens on the way, and it has been started anew since', async () => {
      const fleet = new Fleet(redis.server)
      const a = await fleet.open()
      await a.store.set('k', 1)
      const { epoch } = a.front.session!
      const listed = a.front.hold('records', 'after')
      const outcome = lastValueFrom(a.tiers.verify())
      outcome.catch(() => {})
      await listed.arrived()
      await fleet.raw.flushall()
      await eventually('it has another epoch', () => ![undefined, epoch].includes(a.front.session?.epoch))
      listed.release()
      await expect(outcome).rejects.toMatchObject(lost)
    })
  })

  test('counts what cannot be decided, because the front does not catch up', async () => {
    const fleet = new Fleet(redis.server)
    // In a hurry, where the patience of verify is concerned.
    const a = await fleet.open({ clock: { ...systemClock, sleep: () => systemClock.sleep(0) } })
    await a.store.setMany(['behind', 'right'].map((key) => [key, 'one'] as const))
    a.front.inject(({ method }) => (method === 'tail' || method === 'apply' ? 'drop-before' : undefined))
    const { version } = await a.store.set('behind', 'two')
    const progress = await lastValueFrom(a.tiers.verify())
    expect(progress).toMatchObject({ done: 2, differences: 0, repaired: 0, undecided: 1, found: [] })
    a.front.inject(undefined)
    await tailed(a, version)
    expect(await lastValueFrom(a.tiers.verify())).toMatchObject({ done: 1, differences: 0, undecided: 0 })
  })

  test('says how fast it is', async () => {
    let now = 0
    const fleet = new Fleet(redis.server)
    const a = await fleet.open({ clock: { ...systemClock, monotonic: () => now + systemClock.monotonic() } })
    await a.store.setMany(['a', 'b', 'c'].map((key) => [key, 'one'] as const))
    const listed = a.front.hold('records', 'after')
    const outcome = lastValueFrom(a.tiers.verify())
    await listed.arrived()
    now += 1_000_000
    listed.release()
    const { rate } = await outcome
    expect(rate).toBeGreaterThan(0)
    expect(rate).toBeLessThanOrEqual(3 / 1_000)
  })

  test('refuses options that it does not have', async () => {
    const a = await new Fleet(redis.server).open()
    expect(() => a.tiers.verify({ fix: true } as never)).toThrow(/fix/)
    expect(() => a.tiers.verify({ tiers: ['nowhere'] })).toThrow(/nowhere/)
    expect(() => a.tiers.verify({ signal: { aborted: false } as never })).toThrow(/option signal/)
  })

  test('ends between two pages when it is told to, and does not begin when it was told before', async () => {
    const a = await new Fleet(redis.server).open()
    await a.store.setMany(Array.from({ length: 1_200 }, (_, i) => [['n', i], i] as const))
    const stop = new AbortController()
    const steps = await lastValueFrom(
      a.tiers.verify({ signal: stop.signal }).pipe(
        tap(() => stop.abort()),
        toArray(),
      ),
    )
    expect(steps).toHaveLength(1)
    expect(steps[0]!.done).toBeLessThan(1_200)
    expect(await lastValueFrom(a.tiers.verify({ signal: stop.signal }).pipe(toArray()))).toEqual([])
  })
})
