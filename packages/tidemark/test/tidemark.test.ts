import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { eventually, ShiftedClock, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { lastValueFrom } from 'rxjs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Change, open, type OpenOptions, type Tidemark, Uuid } from 'tidemark'

function tempFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-store-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'store.db')
}

async function opened(options: OpenOptions = {}): Promise<Tidemark> {
  const store = await open({ synchronous: 'normal', ...options })
  onTestFinished(() => store.close())
  return store
}

/** A function that opens stores over one file, with a server of their own or none. */
async function fleet(withRedis: boolean): Promise<(options?: OpenOptions) => Promise<Tidemark>> {
  const file = tempFile()
  const server = withRedis ? await startRedis() : undefined
  onTestFinished(() => server?.close())
  return (options) => opened({ file, redis: server?.url, ...options })
}

test('a store is found again as it was left', async () => {
  const file = tempFile()
  {
    await using store = await open({ file })
    await store.setMany([
      ['a', 1],
      ['b', { nested: [true, null] }],
    ])
    await store.delete('a')
  }
  expect(existsSync(`${file}-wal`)).toBe(false)
  await using store = await open({ file })
  expect(await store.get('a')).toBeUndefined()
  expect(await store.get('b')).toEqual({ nested: [true, null] })
  expect(await store.head()).toBe(3)
  expect(await store.set('c', 1)).toMatchObject({ version: 4 })
})

test('a store without a file is its own, and gone when it is closed', async () => {
  const [a, b] = [await opened(), await opened()]
  await a.set('k', 1)
  expect(await b.get('k')).toBeUndefined()
  await a.close()
  expect(await (await opened()).head()).toBe(0)
})

describe.each([true, false])('two stores on one file (Redis: %s)', (withRedis) => {
  test('each reads what the other was told is written', async () => {
    const start = await fleet(withRedis)
    const [a, b] = [await start(), await start()]
    for (let i = 0; i < 50; i++) {
      const [writer, reader] = i % 2 === 0 ? [a, b] : [b, a]
      await writer.set('k', i)
      expect(await reader.get('k')).toBe(i)
      expect((await reader.getMany(['k'])).get('k')).toBe(i)
    }
    await b.delete('k')
    expect(await a.has('k')).toBe(false)
  })

  test('changes of either come to both, once and in order', async () => {
    const start = await fleet(withRedis)
    const [a, b] = [await start(), await start()]
    await a.set('before', 0)
    const stop = new AbortController()
    const follow = async (store: Tidemark): Promise<number[]> => {
      const seqs: number[] = []
      for await (const { changes } of store.changes({ from: 'start', signal: stop.signal })) {
        seqs.push(...changes.map(({ seq }) => seq))
        if (seqs.length >= 41) break
      }
      return seqs
    }
    const following = [follow(a), follow(b)]
    await Promise.all(Array.from({ length: 40 }, (_, i) => [a, b][i % 2]!.set(['k', i], i)))
    const expected = Array.from({ length: 41 }, (_, i) => i + 1)
    expect(await Promise.all(following)).toEqual([expected, expected])
    stop.abort()
  })

  test('near memory follows by itself, and peek shows what it has', async () => {
    const start = await fleet(withRedis)
    const [a, b] = [await start(), await start()]
    expect(a.peek('k')).toBeUndefined()
    await a.set('k', { n: 1 })
    expect(a.peek('k')).toEqual({ n: 1 })
    expect(await b.get('k')).toEqual({ n: 1 })
    expect(b.peek('k')).toEqual({ n: 1 })
    await a.set('k', { n: 2 })
    await eventually('the old value is gone', () => b.peek('k') === undefined)
    expect(await b.get('k')).toEqual({ n: 2 })
    const without = await start({ near: false })
    expect(await without.get('k')).toEqual({ n: 2 })
    expect(without.peek('k')).toBeUndefined()
  })

  test('explain and peek refuse the keys that the store keeps for itself', async () => {
    const store = await (await fleet(withRedis))()
    const reserved = [Uuid.parse('74696465-6d61-726b-8000-000000000000'), 'tag', 't']
    await store.invalidateTag('t')
    await expect(store.explain(reserved)).rejects.toThrow(TypeError)
    expect(() => store.peek(reserved)).toThrow(TypeError)
  })

  test('expired entries become changes, by whoever sweeps', async () => {
    const start = await fleet(withRedis)
    const clock = new ShiftedClock()
    const [a, b] = [await start({ sweepEveryMs: 0, clock }), await start({ sweepEveryMs: 5, clock })]
    const swept: Change[] = []
    b.writes$.subscribe((change) => swept.push(change))
    await a.set('k', 1, { ttlMs: 60_000 })
    expect(await b.get('k')).toBe(1)
    clock.step(60_000)
    expect(await a.get('k')).toBeUndefined()
    await eventually('it is swept', () => swept.length === 1)
    expect(swept[0]).toMatchObject({ op: 'expire', key: ['k'] })
  })

  test('another process', async () => {
    const file = tempFile()
    const server = withRedis ? await startRedis() : undefined
    onTestFinished(() => server?.close())
    const a = await opened({ file, redis: server?.url })
    await a.set('shared', 0)
    const stop = new AbortController()
    const values: unknown[] = []
    const following = (async () => {
      for await (const { changes } of a.changes({ from: 'start', signal: stop.signal })) {
        for (const change of changes) if (change.op === 'set') values.push(change.value)
        if (values.length === 101) return
      }
    })()
    const program = fileURLToPath(new URL('programs/writer.ts', import.meta.url))
    const child = spawn(process.execPath, [program, file, server?.url ?? '', '100'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const ended = once(child, 'close')
    let stale = 0
    let reads = 0
    for await (const line of createInterface({ input: child.stdout })) {
      // It was acknowledged there before it was printed: whatever is read from now on is that, or newer.
      const [value] = line.split(' ').map(Number)
      const read = await a.get<number>('shared')
      reads++
      if (read! < value!) stale++
    }
    expect(await ended).toEqual([0, null])
    expect([reads, stale]).toEqual([100, 0])
    await following
    expect(values).toEqual(Array.from({ length: 101 }, (_, i) => i))
  })
})

/** Resolves when Redis holds what the store writes. */
async function takesPart(store: Tidemark): Promise<void> {
  await eventually('Redis takes part', async () => {
    await store.set('ready', 1)
    const { fronts } = await store.explain('ready')
    return fronts.every(({ record, certificate }) => record !== undefined && certificate !== undefined)
  })
}

describe('a store in memory leaves nothing in Redis that stays', () => {
  test('when it is closed, nothing but records with their time; until then, what would go by itself', async () => {
    await using server = await startRedis()
    const raw = new Redis(server.url)
    onTestFinished(() => raw.disconnect())
    const left = async (): Promise<readonly number[]> =>
      Promise.all((await raw.keys('*')).map((name) => raw.pttl(name)))
    {
      await using store = await open({ redis: { url: server.url, namespace: 'n'.repeat(95) } })
      await takesPart(store)
      await raw.flushall()
      await takesPart(store)
      expect(await raw.keys('*.m')).toHaveLength(1)
      await eventually('it has a time, after a start too', async () => (await left()).every((ms) => ms > 0))
    }
    expect(await raw.keys('*.m')).toEqual([])
    expect((await left()).every((ms) => ms > 0)).toBe(true)
  })
})

describe('what another log left in Redis', () => {
  test('is not served by the store that takes the place of a deleted one', async () => {
    await using server = await startRedis()
    const file = tempFile()
    const options = { file, redis: server.url, near: false } as const
    {
      await using store = await open(options)
      await store.setMany(Array.from({ length: 10 }, (_, i) => [['k', i], 'of the old one'] as const))
    }
    rmSync(file)
    const store = await opened(options)
    await takesPart(store)
    expect(await store.get(['k', 1])).toBeUndefined()
    await store.set(['k', 1], 'new')
    const before = store.tierStats().hits['redis']!
    expect(await store.get(['k', 1])).toBe('new')
    expect(store.tierStats().hits['redis']).toBe(before + 1)
  })

  test('nor is it by one whose log has an id that begins the same, however long the namespace', async () => {
    await using server = await startRedis()
    const redis = { url: server.url, namespace: 'n'.repeat(64) }
    const values: unknown[] = []
    for (const id of ['00'.repeat(16), `${'00'.repeat(15)}01`]) {
      const file = tempFile()
      await (await open({ file })).close()
      const db = new DatabaseSync(file)
      db.exec(`UPDATE log_head SET log_id = x'${id}', epoch = ${Number.MAX_SAFE_INTEGER}`)
      db.close()
      const store = await opened({ file, redis, near: false })
      await takesPart(store)
      values.push(await store.get('k'))
      await store.set('k', id)
    }
    expect(values).toEqual([undefined, undefined])
  })

  test('is not served by another store that uses the same namespace', async () => {
    await using server = await startRedis()
    const redis = { url: server.url, namespace: 'shared' }
    const [a, b] = [await opened({ file: tempFile(), redis, near: false }), await opened({ file: tempFile(), redis })]
    await Promise.all([takesPart(a), takesPart(b)])
    await a.set('k', 'of a')
    expect(await b.get('k')).toBeUndefined()
    await b.set('k', 'of b')
    expect(await a.get('k')).toBe('of a')
    const raw = new Redis(server.url)
    onTestFinished(() => raw.disconnect())
    expect((await raw.keys('shared.*:k')).length).toBe(2)
  })
})

test('stores of one file with namespaces of their own do not start each other anew', async () => {
  await using server = await startRedis()
  const file = tempFile()
  const [a, b] = await Promise.all(
    ['a', 'b'].map((namespace) => opened({ file, redis: { url: server.url, namespace }, near: false })),
  )
  await Promise.all([takesPart(a!), takesPart(b!)])
  const told: string[] = []
  for (const store of [a!, b!]) store.tierEvents$.subscribe(({ type }) => told.push(type))
  for (let i = 0; i < 40; i++) {
    await Promise.all([a!.set('k', i), b!.set('k', i)])
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(told).not.toContain('front-started')
})

test('every commit is told to the other stores of the log over Redis', async () => {
  await using server = await startRedis()
  const raw = new Redis(server.url)
  onTestFinished(() => raw.disconnect())
  const heard: { head: number }[] = []
  raw.on('message', (_channel, text) => heard.push(JSON.parse(text) as { head: number }))
  await raw.subscribe('tidemark:nudge')
  const store = await opened({ file: tempFile(), redis: server.url })
  await eventually('a nudge comes', async () => {
    const { version } = await store.set('k', 1)
    return heard.some(({ head }) => head === version)
  })
})

describe('close', () => {
  test('lets writes finish, then their hooks, and can be called again', async () => {
    const store = await opened({ file: tempFile() })
    const heard: number[] = []
    let completed = false
    store.writes$.subscribe({ next: ({ seq }) => heard.push(seq), complete: () => (completed = true) })
    const slow: number[] = []
    store.hooks.add('slow', async ({ seq }) => {
      await new Promise((resolve) => setImmediate(resolve))
      slow.push(seq)
    })
    const writing = Promise.all(Array.from({ length: 20 }, (_, i) => store.set(i, i)))
    const closing = store.close()
    expect(store.close()).toBe(closing)
    await closing
    expect((await writing).map(({ version }) => version)).toEqual(heard)
    expect(heard).toHaveLength(20)
    expect(slow).toEqual(heard)
    expect(completed).toBe(true)
    await store.close()
  })

  test.each(['closing', 'closed'])('%s: every method refuses', async (state) => {
    await using server = await startRedis()
    const store = await opened({ file: tempFile(), redis: server.url, sweepEveryMs: 1 })
    await store.set('k', 1)
    const closing = store.close()
    if (state === 'closed') await closing
    const closed = { code: 'CLOSED' }
    for (const call of [
      () => store.set('k', 2),
      () => store.get('k'),
      () => store.entry('k'),
      () => store.has('k'),
      () => store.getMany(['k']),
      () => store.getIn('k', ['x']),
      () => store.getOrSet('k', () => 1),
      () => store.invalidateTag('t'),
      () => store.setMany([['k', 2]]),
      () => store.setIn('k', ['x'], 1),
      () => store.delete('k'),
      () => store.deleteMany(['k']),
      () => store.update('k', () => 2),
      () => store.transaction((tx) => tx.set('k', 2)),
      () => store.clear(),
      () => store.head(),
      () => lastValueFrom(store.warm()),
      () => lastValueFrom(store.changes$()),
      async () => Array.fromAsync(store.keys()),
      async () => Array.fromAsync(store.entries()),
      async () => Array.fromAsync(store.changes({ from: 'start' })),
    ]) {
      await expect(call()).rejects.toMatchObject(closed)
    }
    expect(store.tierStats().reads).toBeGreaterThanOrEqual(0)
    store.peek('k')
    await closing
  })

  test.each(['up', 'stopped', 'killed'])('leaves nothing behind while Redis is %s', async (state) => {
    await using server = await startRedis()
    const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
    const before = timers()
    const file = tempFile()
    const store = await opened({ file, redis: server.url })
    await store.set('k', 1)
    await store.get('absent')
    if (state === 'stopped') server.stop()
    if (state === 'killed') await server.kill()
    const started = performance.now()
    await Promise.allSettled([store.set('k', 2), store.get('absent too'), store.close()])
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(existsSync(`${file}-wal`)).toBe(false)
    await eventually('no timer is left', () => timers() <= before)
    if (state === 'stopped') server.cont()
    if (state === 'killed') return
    const raw = new Redis(server.url)
    onTestFinished(() => raw.disconnect())
    await eventually('the server sees it go', async () => !String(await raw.client('LIST')).includes('name=tidemark'))
  })
})

test('hooks read their own change from every tier', async () => {
  const start = await fleet(true)
  const [a, b] = [await start(), await start({ near: false })]
  await eventually('Redis takes part', async () => {
    await a.set('ready', 1)
    return b.has('ready', { readPolicy: 'frontend-only' })
  })
  const read: unknown[] = []
  a.hooks.add('reads', async ({ key }) => {
    read.push(await a.get(key as [string]), await b.get(key as [string], { readPolicy: 'frontend-only' }))
  })
  await a.set('k', 1)
  await a.hooks.idle()
  await a.update<number>('k', (n) => n! + 1)
  await a.hooks.idle()
  expect(read).toEqual([1, 1, 2, 2])
})
