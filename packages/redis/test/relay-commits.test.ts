import type { LogChange, LogPage, LogReadOptions, MemoryBack } from '@tidemark/core'
import { commit, eventually, setting } from '@tidemark/testkit'
import { beforeEach, expect, test } from 'vitest'
import { keyspaceOf } from '../src/keyspace.ts'
import { callsOf } from '../src/relay/append-calls.ts'
import { STREAM_APPEND, STREAM_START } from '../src/scripts/stream.ts'
import { rawClient } from './support/fronts.ts'
import { allOf, logWith, openBack, openRelay, openStreamLog, plain } from './support/relays.ts'
import { useServer } from './support/use-server.ts'

const { stream, streamMeta, streamTags } = keyspaceOf('tidemark')

const used = useServer()
let back: MemoryBack
beforeEach(() => {
  back = openBack()
})

const writeMany = (n: number, value: unknown = 'x'): Promise<unknown> =>
  commit(back, ...Array.from({ length: n }, (_, i) => setting(['many', i], value)))

async function writeEach(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await commit(back, setting(['each', i], i))
}

/** What a relay does that ends between the runs of a commit. */
async function appendTo(seq: number): Promise<void> {
  const redis = rawClient(used.server)
  const { id, epoch } = back.log.identity
  await redis.eval(STREAM_START.source, 3, stream, streamMeta, streamTags, '-', 'g', id, epoch, 0, 1_000, 0)
  const changes: LogChange[] = [...(await back.log.read({ after: 0, limit: 1_000 })).changes]
  for (const { args } of callsOf(changes.slice(0, seq), 1_000)) {
    await redis.eval(STREAM_APPEND.source, 3, stream, streamMeta, streamTags, 'g', 1_000, 1_000, 0, ...args)
  }
}

/** Until the server keeps who waits for the stream waiting. */
async function blocked(): Promise<void> {
  const redis = rawClient(used.server)
  await eventually('somebody waits', async () => {
    const clients = String(await redis.client('LIST')).split('\n')
    return clients.some((line) => line.includes('name=tidemark-stream-wait') && / flags=\w*b/.test(line))
  })
}

test('a part of a commit is shown to nobody until its rest is there, and whoever relays takes it up', async () => {
  await writeEach(2)
  await writeMany(250)
  await appendTo(150)
  const log = await openStreamLog(used.server)
  expect(await log.head()).toBe(2)
  const before = await log.read({ after: 0, limit: 1_000 })
  expect([before.changes.length, before.head]).toEqual([2, 2])
  expect((await log.read({ after: 2, limit: 1 })).changes).toEqual([])
  let isAwake = false
  const waiting = log.wait(2, new AbortController().signal).then(() => (isAwake = true))
  await blocked()
  expect(isAwake).toBe(false)
  const relay = openRelay(used.server, back.log)
  await waiting
  expect((await log.read({ after: 2, limit: 1 })).changes).toHaveLength(250)
  expect(plain(await allOf(log, 0, 252))).toEqual(plain(await allOf(back.log, 0, 252)))
  expect(relay.stats).toMatchObject({ appended: 102, starts: 0 })
})

test('who stood at the beginning of a commit that is longer than what is kept can read it, until as much has followed', async () => {
  openRelay(used.server, back.log, { keep: 10 })
  const log = await openStreamLog(used.server)
  await writeEach(2)
  await allOf(log, 0, 2)
  await writeMany(250)
  await eventually('it is all there', async () => (await log.head()) === 252)
  expect((await log.read({ after: 2, limit: 1 })).changes).toHaveLength(250)
  await writeEach(9)
  await allOf(log, 252, 261)
  expect(await log.floor()).toBe(2)
  expect((await log.read({ after: 2, limit: 1 })).changes).toHaveLength(250)
  await writeEach(1)
  await allOf(log, 261, 262)
  expect(await log.floor()).toBe(252)
  await expect(log.read({ after: 200, limit: 1 })).rejects.toMatchObject({ code: 'LOG_COMPACTED', floor: 252 })
})

test('where it begins anew it goes back to the beginning of a commit, before anything is there', async () => {
  await writeEach(5)
  await writeMany(20)
  await writeEach(5)
  const [atWork, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  openRelay(used.server, logWith(back.log, { read: gated }), { keep: 10 })
  async function gated(options: LogReadOptions): Promise<LogPage> {
    if (options.values === false) return back.log.read(options)
    atWork.resolve()
    await gate.promise
    return back.log.read(options)
  }
  await atWork.promise
  const log = await openStreamLog(used.server)
  expect([await log.floor(), await log.head()]).toEqual([5, 5])
  gate.resolve()
  expect(await allOf(log, 5, 30)).toHaveLength(25)
})

test('a commit of 20,000 changes travels in many calls, and whole', async () => {
  openRelay(used.server, back.log)
  const log = await openStreamLog(used.server)
  await writeMany(20_000, 'x'.repeat(150))
  const shown = await allOf(log, 0, 20_000)
  expect(shown.at(-1)).toMatchObject({ seq: 20_000, first: 1, last: 20_000 })
  const calls = [...callsOf((await back.log.read({ after: 0, limit: 1 })).changes, 16_384)]
  expect(calls.length).toBeGreaterThan(2)
  for (const { args } of calls) {
    const bytes = args.reduce<number>((sum, arg) => sum + (arg instanceof Buffer ? arg.byteLength : 0), 0)
    expect(bytes).toBeLessThanOrEqual(1024 * 1024)
  }
})

test('the history of a key is told from where the stream begins, and never with a gap', async () => {
  openRelay(used.server, back.log, { keep: 10 })
  const log = await openStreamLog(used.server)
  for (let seq = 1; seq <= 12; seq++) {
    await commit(back, setting('k', seq))
    await allOf(log, seq - 1, seq)
  }
  const { key } = (await back.log.read({ after: 0, limit: 1 })).changes[0]!
  const { changes, end } = await log.changesOf(key, { limit: 50 })
  expect([changes.map(({ seq }) => seq), end]).toEqual([[12, 11, 10, 9, 8, 7, 6, 5, 4, 3], 'floor'])
  await rawClient(used.server).xdel(stream, '8-0')
  await expect(log.changesOf(key, { limit: 50 })).rejects.toMatchObject({ code: 'LOG_GAP' })
})
