import {
  type Found,
  type LogChange,
  type MemoryBack,
  StoreKey,
  systemClock,
  tagKey,
  TidemarkError,
} from '@tidemark/core'
import { codec, commit, deleting, eventually, ManualClock, setting, startRelay } from '@tidemark/testkit'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  openRedisReader,
  type RedisFront,
  type RedisReader,
  type RedisReaderOptions,
  type RedisStreamLog,
} from '../src/index.ts'
import { StreamedChanges } from '../src/reader/streamed-changes.ts'
import { change } from './support/changes.ts'
import { initialize, openFront, PATIENT_MS, rawClient, readyFront } from './support/fronts.ts'
import { logWith, openBack, openRelay, openStreamLog } from './support/relays.ts'
import { useServer } from './support/use-server.ts'

/** Longer than a test. */
const ENDLESS_MS = 3_600_000

const used = useServer()
let back: MemoryBack
beforeEach(() => {
  back = openBack()
})

async function openReader(options: Partial<RedisReaderOptions> = {}): Promise<RedisReader> {
  const reader = await openRedisReader({
    url: used.server.url,
    codec,
    commandTimeoutMs: PATIENT_MS,
    onError: () => {},
    ...options,
  })
  onTestFinished(() => reader.close())
  return reader
}

/** Commits a value under the key, and waits until the reader has heard. */
async function write(reader: RedisReader | undefined, key: string, value: unknown): Promise<LogChange> {
  const { changes } = await commit(back, value === undefined ? deleting(key) : setting(key, value))
  await heard(reader)
  return changes[0]!
}

async function heard(reader: RedisReader | undefined): Promise<void> {
  if (reader === undefined) return
  const head = await back.log.head()
  await eventually('the reader has heard', () => reader.position === head, 25_000)
}

async function read(reader: RedisReader, key: string): Promise<Found> {
  return reader.readOne(StoreKey.of(key))
}

const valueOf = async (reader: RedisReader, key: string): Promise<unknown> =>
  (await read(reader, key)).entry?.payload.read()

/** As the instance with the file does. */
async function install(front: RedisFront, committed: LogChange): Promise<void> {
  await front.apply([committed], 'install')
  await follow(front, committed)
}

async function follow(front: RedisFront, committed: LogChange): Promise<void> {
  const { seq } = committed
  expect(await front.tail({ from: seq - 1, to: seq, mark: '', tailer: '', changes: [committed] })).toBe(seq)
}

const UNKNOWN = { entry: undefined, until: 0 }

test('what Redis does not hold is answered from the stream, and what nobody knows is no answer', async () => {
  openRelay(used.server, back.log)
  const reader = await openReader()
  await write(reader, 'k', 'there')
  await write(reader, 'gone', 1)
  await write(reader, 'gone', undefined)
  expect(await read(reader, 'k')).toMatchObject({ asOf: 1, until: Infinity, entry: { version: 1 } })
  expect(await valueOf(reader, 'k')).toBe('there')
  expect(await read(reader, 'gone')).toMatchObject({ entry: undefined, asOf: 3, until: Infinity })
  expect(await read(reader, 'never')).toMatchObject(UNKNOWN)
})

test('a record that is older than a change whose value stayed behind is not believed', async () => {
  openRelay(used.server, back.log, { maxValueBytes: 100 })
  const front = await readyFront(used.server)
  await install(front, await write(undefined, 'k', 'small'))
  const reader = await openReader()
  expect(await valueOf(reader, 'k')).toBe('small')
  const large = await write(reader, 'k', 'x'.repeat(200))
  expect(await read(reader, 'k')).toMatchObject(UNKNOWN)
  await install(front, large)
  expect(await valueOf(reader, 'k')).toBe('x'.repeat(200))
})

test('a front that is behind what the reader began with is not believed', async () => {
  openRelay(used.server, back.log)
  const front = await readyFront(used.server)
  await install(front, await write(undefined, 'k', 'old'))
  await install(front, await write(undefined, 'other', 'same'))
  const unheard = await write(undefined, 'k', 'new')
  const reader = await openReader()
  expect(reader.position).toBe(3)
  for (const key of ['k', 'other']) expect(await read(reader, key)).toMatchObject(UNKNOWN)
  await follow(front, unheard)
  expect(await read(reader, 'k')).toMatchObject(UNKNOWN)
  expect(await valueOf(reader, 'other')).toBe('same')
})

test.each([
  ['many keys', 10_050, 'x'],
  ['many bytes', 45, new Uint8Array(400_000)],
])('a change that was forgotten over %s still hides what is older', async (_what, n, value) => {
  openRelay(used.server, back.log, { maxValueBytes: 1_000_000 })
  const front = await readyFront(used.server)
  await install(front, await write(undefined, 'k', 'old'))
  const reader = await openReader()
  await write(reader, 'k', 'new')
  await commit(back, ...Array.from({ length: n }, (_, i) => setting(['many', i], value)))
  await heard(reader)
  expect(await read(reader, 'k')).toMatchObject(UNKNOWN)
  expect((await reader.readOne(StoreKey.of(['many', n - 1]))).entry?.payload.read()).toEqual(value)
})

test('who replays the past brings no old value back into reads', async () => {
  openRelay(used.server, back.log)
  const early = await openReader()
  await write(early, 'k', 'old')
  await write(early, 'k', 'new')
  const reader = await openReader()
  expect((await reader.log.read({ after: 0, limit: 1 })).changes.map(({ seq }) => seq)).toEqual([1])
  expect(await read(reader, 'k')).toMatchObject(UNKNOWN)
})

test('a stream that went on without the reader: it goes on from the head, and believes nothing older', async () => {
  await using between = await startRelay(used.server.port)
  openRelay(used.server, back.log, { keep: 10 })
  const errors: unknown[] = []
  const reader = await openReader({ url: between.url, onError: (error) => errors.push(error) })
  await write(reader, 'k', 'old')
  expect(await valueOf(reader, 'k')).toBe('old')
  // Nothing listens there.
  const { target } = between
  between.target = 1
  between.cut()
  await write(undefined, 'k', 'new')
  for (let i = 0; i < 30; i++) await write(undefined, `filler ${i}`, i)
  const redis = rawClient(used.server)
  await eventually(
    'it is gone',
    async () => Number((await redis.xrange('tidemark:{p0}.s', '-', '+'))[0]?.[0].split('-')[0]) > 2,
  )
  between.target = target
  await heard(reader)
  expect(errors).toMatchObject([{ code: 'LOG_COMPACTED' }])
  expect(await read(reader, 'k')).toMatchObject(UNKNOWN)
  await write(reader, 'k', 'newer')
  expect(await valueOf(reader, 'k')).toBe('newer')
})

test.each([
  ['a subscriber', true],
  ['the reader', false],
])('of a history that a restore has ended nothing is believed, when %s learns of it', async (_who, isSubscriber) => {
  const relay = openRelay(used.server, back.log)
  const reader = await openReader()
  await write(reader, 'k', 'lost')
  await relay.close()
  const restored = openBack()
  for (let i = 0; i < 5; i++) await commit(restored, setting('other', i))
  const { id, epoch } = back.log.identity
  openRelay(used.server, logWith(restored.log, { identity: { id, epoch: epoch + 1 } }))
  if (isSubscriber) {
    await eventually('a subscriber has seen it', async () => {
      await reader.log.read({ after: 0, limit: 10 })
      return reader.log.identity.epoch === epoch + 1
    })
    expect(await read(reader, 'k')).toMatchObject(UNKNOWN)
  }
  await eventually('it follows the other one', () => reader.position === 5)
  expect(await read(reader, 'k')).toMatchObject(UNKNOWN)
  await commit(restored, setting('k', 'restored'))
  await eventually('it reads it', async () => (await valueOf(reader, 'k')) === 'restored')
})

test('an invalidation is heard in the stream whatever stays behind of it', async () => {
  openRelay(used.server, back.log, { maxValueBytes: 0 })
  const reader = await openReader()
  await commit(back, { ...setting('t', null), key: tagKey('t') } as ReturnType<typeof setting>)
  await heard(reader)
  await rawClient(used.server).del('tidemark:{p0}.st')
  expect(await reader.readOne(tagKey('t'))).toMatchObject({ entry: { version: 1 }, until: Infinity })
})

test('it starts anew also when an outage keeps it from that at first', async () => {
  openRelay(used.server, back.log)
  const stream = await openStreamLog(used.server)
  const early = await openReader()
  for (let i = 0; i < 3; i++) await write(early, 'k', i)
  const redis = rawClient(used.server)
  let failed = false
  const head = async (): Promise<number> => {
    if (failed) return stream.head()
    failed = true
    // Meanwhile a relay mends what was wrong.
    await redis.flushall()
    await eventually('it is filled again', async () => (await redis.hget('tidemark:{p0}.sm', 'c')) === '3')
    throw new TidemarkError('FRONT_UNAVAILABLE', 'an outage', { retryable: true })
  }
  await redis.xdel('tidemark:{p0}.s', '2-0')
  const errors: unknown[] = []
  const log = logWith(stream, { head }) as RedisStreamLog
  const changes = new StreamedChanges(1, { log, clock: systemClock, onError: (error) => errors.push(error) })
  onTestFinished(() => changes.close())
  await eventually('it has started anew', () => failed && changes.floor === 3)
  expect([changes.position, changes.isConfirmed]).toEqual([3, true])
  expect(errors).toMatchObject([{ code: 'LOG_GAP' }])
})

test('a tag that was not invalidated since the stream began hides nothing that is younger', async () => {
  for (let i = 0; i < 30; i++) await write(undefined, 'k', i)
  openRelay(used.server, back.log, { keep: 10 })
  const reader = await openReader()
  const epochOf = async (tag: string): Promise<number | undefined> => {
    const { entry, until } = await reader.readOne(tagKey(tag))
    return until === 0 ? undefined : (entry?.version ?? 0)
  }
  expect(await epochOf('t')).toBe(20)
  await commit(back, { ...setting('t', null), key: tagKey('t') } as ReturnType<typeof setting>)
  await heard(reader)
  expect([await epochOf('t'), await epochOf('u')]).toEqual([31, 20])
  // Long after it is gone from the stream, and for who has not heard it there.
  for (let i = 0; i < 30; i++) await write(reader, 'k', i)
  const later = await openReader()
  expect((await later.readOne(tagKey('t'))).entry?.version).toBe(31)
  // What the front knows exactly is better than a bound; what is newer wins.
  const front = openFront(used.server)
  await eventually('it is there', () => front.session !== undefined)
  await initialize(front, 61)
  const absent = { entry: undefined, asOf: 61, until: Infinity, tier: 'back' }
  await front.fill([{ key: tagKey('u'), asOf: 61, found: absent }])
  expect((await later.readOne(tagKey('u'))).entry).toBeUndefined()
  expect(await epochOf('u')).toBe(0)
  await front.apply([change(62, tagKey('t'), null)], 'install')
  expect((await later.readOne(tagKey('t'))).entry?.version).toBe(62)
  // What was noted before what the reader has heard of, and nothing, is nothing to go by.
  await rawClient(used.server).hset('tidemark:{p0}.st', 'upTo', 1)
  expect((await later.readOne(tagKey('v'))).until).toBe(0)
  await front.discard([tagKey('t')])
  await rawClient(used.server).del('tidemark:{p0}.st')
  expect((await later.readOne(tagKey('t'))).until).toBe(0)
})

test('what the stream has just told needs no answer of Redis', async () => {
  await using between = await startRelay(used.server.port)
  openRelay(used.server, back.log)
  const reader = await openReader({ url: between.url, clock: new ManualClock(), commandTimeoutMs: ENDLESS_MS })
  await write(reader, 'k', 'heard')
  between.swallow()
  expect(await valueOf(reader, 'k')).toBe('heard')
})

test('each key is by itself: a record may be newer than what the stream has told of another key', async () => {
  const relay = openRelay(used.server, back.log)
  const front = await readyFront(used.server)
  await install(front, await write(undefined, 'a', 1))
  const reader = await openReader({ clock: new ManualClock(), commandTimeoutMs: ENDLESS_MS })
  const pair = async (): Promise<unknown[]> => {
    const found = await reader.read(['a', 'b'].map((key) => StoreKey.of(key)))
    return found.map(({ entry }) => entry?.payload.read())
  }
  await install(front, await write(reader, 'b', 1))
  expect(await pair()).toEqual([1, 1])
  await relay.close()
  const { changes } = await commit(back, setting('a', 2), setting('b', 2))
  await front.apply(changes, 'install')
  expect(await front.tail({ from: 2, to: 4, mark: '', tailer: '', changes })).toBe(4)
  // Half of that commit, and all of it when the stream has told.
  expect(await pair()).toEqual([2, 1])
  openRelay(used.server, back.log)
  await heard(reader)
  expect(await pair()).toEqual([2, 2])
})

test('what nobody sees to any more is not believed, until somebody does', async () => {
  const clock = new ManualClock()
  const relay = openRelay(used.server, back.log)
  const front = await readyFront(used.server)
  const reader = await openReader({ clock, commandTimeoutMs: ENDLESS_MS })
  const key = tagKey('t')
  const known = async (): Promise<unknown[]> => [await valueOf(reader, 'k'), (await reader.readOne(key)).until]
  await install(front, await write(reader, 'k', 'old'))
  await eventually('it is confirmed', async () => {
    clock.advance(100)
    return (await known())[1] === Infinity
  })
  await relay.close()
  // As if that had been a minute ago.
  const seen = Number(await rawClient(used.server).hget('tidemark:{p0}.sm', 't'))
  await rawClient(used.server).hset('tidemark:{p0}.sm', 't', seen - 60_000)
  const unheard = await write(undefined, 'k', 'new')
  await install(front, unheard)
  expect(await known()).toEqual(['old', Infinity])
  await eventually('it no longer answers from what it has heard', async () => {
    clock.advance(100)
    return (await known())[1] === 0
  })
  expect(await known()).toEqual(['new', 0])
  openRelay(used.server, back.log)
  await eventually('it does again', async () => {
    clock.advance(100)
    return (await known())[1] === Infinity
  })
  expect(await known()).toEqual(['new', Infinity])
})

test('a closed reader refuses, and one that could not be opened leaves no connection', async () => {
  await expect(openReader({ patienceMs: 30 })).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE' })
  openRelay(used.server, back.log)
  const reader = await openReader()
  await write(reader, 'k', 1)
  await reader.close()
  await reader.close()
  await expect(read(reader, 'k')).rejects.toMatchObject({ code: 'CLOSED' })
  const redis = rawClient(used.server)
  await eventually(
    'nobody is connected',
    async () => !/name=tidemark-(stream|reader)/.test(String(await redis.client('LIST'))),
  )
})
