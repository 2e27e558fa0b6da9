import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { eventually, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Change, open, type OpenOptions, type Tidemark } from 'tidemark'

function tempFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-loading-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'store.db')
}

async function opened(options: OpenOptions): Promise<Tidemark> {
  const store = await open({ synchronous: 'normal', ...options })
  onTestFinished(() => store.close())
  return store
}

interface Program {
  readonly process: ChildProcess
  readonly lines: AsyncIterator<string>
}

function startLoader(...args: string[]): Program {
  const program = fileURLToPath(new URL('programs/loader.ts', import.meta.url))
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { process: child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
}

async function nextLine({ lines }: Program): Promise<string> {
  return (await lines.next()).value as string
}

/** The lines until the program says what it got. */
async function outcome(program: Program): Promise<{ readonly loads: number; readonly values: readonly string[] }> {
  let line = await nextLine(program)
  while (!line.startsWith('{')) line = await nextLine(program)
  return JSON.parse(line) as { loads: number; values: string[] }
}

describe('getOrSet in a fleet', () => {
  test('twenty callers in each of two stores on one file: one load', async () => {
    const file = tempFile()
    const stores = [await opened({ file }), await opened({ file })]
    let loads = 0
    const release = Promise.withResolvers<void>()
    const load = async (): Promise<string> => {
      loads++
      await release.promise
      return 'v'
    }
    const reading = Array.from({ length: 40 }, (_, i) => stores[i % 2]!.getOrSet('k', load))
    await eventually('somebody loads', () => loads > 0)
    release.resolve()
    expect(new Set(await Promise.all(reading))).toEqual(new Set(['v']))
    expect(loads).toBe(1)
  })

  test('twenty callers in each of three processes: one load', async () => {
    const file = tempFile()
    await (await opened({ file })).set('there', 1)
    const programs = [1, 2, 3].map(() => startLoader(file, 'load', '10000'))
    for (const program of programs) expect(await nextLine(program)).toBe('ready')
    for (const program of programs) program.process.stdin!.write('go\n')
    const outcomes = await Promise.all(programs.map(outcome))
    expect(outcomes.reduce((sum, { loads }) => sum + loads, 0)).toBe(1)
    expect(new Set(outcomes.flatMap(({ values }) => values)).size).toBe(1)
  })

  test('a process that is killed while it loads: another takes over', async () => {
    const file = tempFile()
    const store = await opened({ file })
    const dying = startLoader(file, 'hang', '1000')
    expect([await nextLine(dying), await nextLine(dying)]).toEqual(['ready', 'loading'])
    let loads = 0
    const reading = Array.from({ length: 20 }, () => store.getOrSet('k', () => `taken over, ${++loads}`))
    const ended = once(dying.process, 'exit')
    dying.process.kill('SIGKILL')
    await ended
    expect(new Set(await Promise.all(reading))).toEqual(new Set(['taken over, 1']))
    expect(await store.get('k')).toBe('taken over, 1')
  })

  test('what a loader throws in the background goes to onError', async () => {
    const errors: unknown[] = []
    const store = await opened({ onError: (error) => errors.push(error) })
    const options = { ttlMs: 1, graceMs: 3_600_000, jitter: 0, softTimeoutMs: 0 }
    await store.getOrSet('k', () => 'last', options)
    await eventually('it is stale', async () => (await store.get('k')) === undefined)
    const down = new Error('down')
    expect(await store.getOrSet('k', () => Promise.reject(down), options)).toBe('last')
    await eventually('it is told', () => errors.length > 0)
    expect(errors).toEqual([down])
  })
})

describe.each([true, false])('tags (Redis: %s)', (withRedis) => {
  async function start(): Promise<{ open: (options?: OpenOptions) => Promise<Tidemark>; raw: Redis | undefined }> {
    const file = tempFile()
    const server = withRedis ? await startRedis() : undefined
    const raw = server && new Redis(server.url)
    onTestFinished(async () => {
      raw?.disconnect()
      await server?.close()
    })
    return { open: (options) => opened({ file, redis: server?.url, ...options }), raw }
  }

  test('what was invalidated stays absent: elsewhere, after eviction, after the time of the fronts, after a restart', async () => {
    const fleet = await start()
    const [a, b] = [await fleet.open(), await fleet.open()]
    const forgetful = await fleet.open({ near: { ttlMs: 1, negativeTtlMs: 1 } })
    const without = await fleet.open({ near: false })
    await a.set('k', 1, { tags: ['t'] })
    const readers = [a, b, forgetful, without]
    for (const reader of readers) expect(await reader.get('k')).toBe(1)
    await b.invalidateTag('t')
    const expectAbsent = async (stores: readonly Tidemark[]): Promise<void> => {
      for (const store of stores) {
        expect(await store.get('k')).toBeUndefined()
        expect((await store.getMany(['k'])).size).toBe(0)
        expect(await store.get('k', { readPolicy: 'frontend-only' })).toBeUndefined()
        expect(store.peek('k')).toBeUndefined()
      }
    }
    await expectAbsent(readers)
    await fleet.raw?.flushall()
    await expectAbsent(readers)
    await Promise.all(readers.map((store) => store.close()))
    await expectAbsent([await fleet.open()])
  })

  test('are read through the fronts', async () => {
    const fleet = await start()
    const [a, b] = [await fleet.open(), await fleet.open()]
    await a.set('k', 1, { tags: ['t', 'u'] })
    expect(await b.get('k')).toBe(1)
    // The fronts know by now that the tags were never invalidated.
    expect(await b.get('k', { readPolicy: 'frontend-only' })).toBe(1)
    expect(b.peek('k')).toBe(1)
    const before = b.tierStats()
    for (let i = 0; i < 10; i++) expect(await b.get('k')).toBe(1)
    expect(b.tierStats().hits).toEqual({ ...before.hits, near: before.hits.near! + 30 })
  })

  test('are invalidated for everybody when that is acknowledged', async () => {
    const fleet = await start()
    const [a, b] = [await fleet.open(), await fleet.open()]
    for (let i = 0; i < 50; i++) {
      const [writer, reader] = i % 2 === 0 ? [a, b] : [b, a]
      await writer.set('k', i, { tags: ['t'] })
      expect(await reader.get('k')).toBe(i)
      await writer.invalidateTag('t')
      expect([await reader.get('k'), await writer.get('k')]).toEqual([undefined, undefined])
    }
  })

  test('are changes on writes$', async () => {
    const fleet = await start()
    const store = await fleet.open()
    const seen: Change[] = []
    store.writes$.subscribe((change) => seen.push(change))
    await store.invalidateTag(['t', 'u'])
    await store.hooks.idle()
    expect(seen.map(({ op, tag }) => [op, tag])).toEqual([
      ['invalidate-tag', 't'],
      ['invalidate-tag', 'u'],
    ])
  })
})
