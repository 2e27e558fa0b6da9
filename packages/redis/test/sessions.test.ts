import { type FrontSession, systemClock } from '@tidemark/core'
import { eventually, type RedisServer } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import type { RedisFront } from '../src/index.ts'
import { keyspaceOf } from '../src/keyspace.ts'
import { ANNOUNCE } from '../src/scripts/init.ts'
import { change, fillOf, key } from './support/changes.ts'
import { fakeRedis, healthy } from './support/fake-redis.ts'
import { initialize, newEpoch, openFront, PATIENT_MS, readNow, readyFront } from './support/fronts.ts'
import { useServer } from './support/use-server.ts'

const { meta, prefix } = keyspaceOf('tidemark')
const redis = useServer()

function watch(front: RedisFront): (FrontSession | undefined)[] {
  const seen: (FrontSession | undefined)[] = []
  front.onSession((session) => seen.push(session))
  return seen
}

describe('a session', () => {
  test('names the run of the server, and its epoch as soon as there is one', async () => {
    const front = openFront(redis.server)
    const seen = watch(front)
    await eventually('it is connected', () => front.session !== undefined)
    const runId = /run_id:(\w+)/.exec(await redis.raw.info('server'))![1]
    expect(front.session).toEqual({ server: runId, epoch: undefined })
    expect(front.status).toBe('fenced')
    await initialize(front)
    expect(front.session).toEqual({ server: runId, epoch: await redis.raw.hget(meta, 'e') })
    expect(front.status).toBe('ready')
    expect(seen).toEqual([{ server: runId, epoch: undefined }, front.session])
  })

  test('is the same object for as long as nothing changes', async () => {
    const front = await readyFront(redis.server)
    const { session } = front
    await front.apply([change(1, key('a'), 1)], 'install')
    expect((await front.look()).session).toBe(session)
    await front.tail({ from: 0, to: 1, changes: [change(1, key('a'), 1)], mark: '', tailer: 'me' })
    expect(front.session).toBe(session)
  })

  test.each<[by: string, call: (front: RedisFront) => Promise<unknown>]>([
    ['look', (front) => front.look()],
    ['apply', (front) => front.apply([change(9, key('b'), 1)], 'install')],
    ['fill', (front) => front.fill([fillOf(key('b'), 1, 9, 9)])],
    ['tail', (front) => front.tail({ from: 1, to: 1, changes: [], mark: '', tailer: 'me' })],
    ['inspect', (front) => front.inspect(key('a'))],
  ])('ends with its epoch, as %s finds out', async (_by, call) => {
    const front = await readyFront(redis.server)
    await front.apply([change(1, key('a'), 1)], 'install')
    const session = front.session!
    for (const epoch of [newEpoch(), undefined]) {
      if (epoch === undefined) await redis.raw.hdel(meta, 'w')
      else await redis.raw.hset(meta, 'e', epoch)
      await call(front)
      expect(front.session).toEqual({ server: session.server, epoch })
      expect(await front.read([key('a')], session)).toEqual([undefined])
    }
    expect(front.status).toBe('fenced')
  })

  describe('whose epoch ends between the parts of a call', () => {
    const keys = Array.from({ length: 1_500 }, (_, i) => key('k', i))

    test('takes none of the fills that are left', async () => {
      const front = await readyFront(redis.server)
      await redis.raw.hset(meta, 'e', newEpoch())
      const outcomes = await front.fill(keys.map((each) => fillOf(each, 1, 0, 0)))
      expect(new Set(outcomes)).toEqual(new Set(['fenced']))
      expect(await redis.raw.dbsize()).toBe(1)
    })

    test('takes nothing to hold from the changes that are left, and still has removed what they replace', async () => {
      const front = await readyFront(redis.server)
      await front.apply([change(1, keys.at(-1)!, 'old')], 'install')
      await redis.raw.hset(meta, 'e', newEpoch())
      const outcomes = await front.apply(
        keys.map((each, i) => change(i + 2, each, i)),
        'install',
      )
      expect(outcomes).not.toContain('installed')
      expect(outcomes.at(-1)).toBe('removed')
      expect(await redis.raw.dbsize()).toBe(1)
    })
  })

  test('that ends while a read is under way voids its answer', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(1, key('a'), 1)], 'install')
    const session = front.session!
    expect((await front.read([key('a')], session))[0]?.asOf).toBe(1)
    const reading = front.read([key('a')], session)
    front.reconnect()
    expect(front.session).toBeUndefined()
    await expect(reading.then(([answer]) => answer?.asOf).catch(() => undefined)).resolves.toBeUndefined()
    await eventually('there is another one', () => front.session !== undefined)
    expect(front.session).toEqual(session)
    expect(front.session).not.toBe(session)
    expect(await front.read([key('a')], session)).toEqual([undefined])
    expect((await readNow(front, [key('a')]))[0]?.asOf).toBe(1)
    expect(front.stats().connections).toBe(2)
  })

  test('that is over costs no round trip', async () => {
    const front = await readyFront(redis.server)
    const { commands } = front.stats()
    expect(await front.read([key('a')], { ...front.session! })).toEqual([undefined])
    expect(front.stats().commands).toBe(commands)
  })
})

test('nothing is sent in the background while the link is up', async () => {
  const waiting = new Set<() => void>()
  const schedule: typeof systemClock.schedule = (delayMs, task) => {
    waiting.add(task)
    const cancel = systemClock.schedule(delayMs, () => {
      waiting.delete(task)
      task()
    })
    return () => {
      waiting.delete(task)
      cancel()
    }
  }
  const front = await readyFront(redis.server, { clock: { ...systemClock, schedule } })
  expect([...waiting]).toEqual([])
  const { commands } = front.stats()
  await front.look()
  expect(front.stats().commands).toBe(commands + 1)
  expect([...waiting]).toEqual([])
})

test('a look says where the front stands', async () => {
  const front = openFront(redis.server)
  const nowhere = { watermark: undefined, mark: '', tailer: '', highest: undefined }
  expect(await front.look()).toEqual({ session: front.session, ...nowhere })
  await initialize(front, 7, 'seven')
  const seven = { watermark: 7, mark: 'seven', tailer: '', highest: { seq: 7, mark: 'seven' } }
  expect(await front.look()).toEqual({ session: front.session, ...seven })
  await front.tail({ from: 7, to: 8, changes: [change(8, key('a'), 1)], mark: 'eight', tailer: 'me' })
  const eight = { watermark: 8, mark: 'eight', tailer: 'me', highest: { seq: 8, mark: 'eight' } }
  expect(await front.look()).toEqual({ session: front.session, ...eight })
  for (const damaged of ['', 'x', '-1', '1e99']) {
    await redis.raw.hset(meta, 'h', damaged)
    expect(await front.look()).toEqual({ session: front.session, ...eight, highest: undefined })
  }
  for (const damaged of ['', 'x', '-1', '1e99']) {
    await redis.raw.hset(meta, 'w', damaged)
    expect(await front.look()).toEqual({ session: { server: expect.any(String), epoch: undefined }, ...nowhere })
  }
})

describe('what the server lost', () => {
  test('meta alone: nothing is served or installed, what a commit replaces goes all the same', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(1, key('a'), 1), change(2, key('b'), 1)], 'install')
    await redis.raw.del(meta)
    // Before anybody has noticed.
    expect(await front.apply([change(3, key('a'), 2)], 'install')).toEqual(['removed'])
    expect(front.status).toBe('fenced')
    expect(await readNow(front, [key('b')])).toEqual([undefined])
    expect(await front.fill([fillOf(key('a'), 2, 3, 3)])).toEqual(['fenced'])
    expect(await front.apply([change(4, key('a'), 2)], 'install')).toEqual(['removed'])
    expect(await front.tail({ from: 0, to: 4, changes: [], mark: '', tailer: '' })).toBeUndefined()
    expect(await initialize(front, 4)).toBe(true)
    expect(await redis.raw.exists(`${prefix}b`)).toBe(1)
    expect(await readNow(front, [key('a'), key('b')])).toEqual([undefined, undefined])
  })

  test('everything: started anew at the head, it takes nothing older', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(7, key('a'), 'seven')], 'install')
    await redis.raw.flushall()
    expect((await front.look()).watermark).toBeUndefined()
    await initialize(front, 7)
    expect(await front.apply([change(6, key('a'), 'six')], 'install')).toEqual(['removed'])
    expect(await front.fill([fillOf(key('a'), 'six', 6, 6)])).toEqual(['fenced'])
    expect(await front.fill([fillOf(key('a'), 'seven', 7, 7)])).toEqual(['installed'])
  })
})

describe('initialize()', () => {
  test('asks where to start after it has announced itself, and takes the watermark away meanwhile', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(9, key('a'), 1)], 'install')
    const epoch = newEpoch()
    const isMine = await front.initialize(async () => {
      expect(await redis.raw.hmget(meta, 'w', 'n')).toEqual([null, expect.stringMatching(/^[0-9a-f]{16}$/)])
      expect(front.session?.epoch).toBeUndefined()
      return { epoch, head: 3, mark: 'three' }
    })
    expect(isMine).toBe(true)
    expect(front.session?.epoch).toBe(epoch)
    expect(await redis.raw.hmget(meta, 'e', 'b', 'w', 'k', 'n', 't')).toEqual([epoch, '3', '3', 'three', null, null])
    // What was executed before has left its fence.
    expect(await front.fill([fillOf(key('a'), 1, 8, 8)])).toEqual(['fenced'])
  })

  test('of several at once completes for one, whose epoch is everybody’s', async () => {
    const fronts = Array.from({ length: 5 }, () => openFront(redis.server))
    await eventually('all are connected', () => fronts.every(({ session }) => session !== undefined))
    const completed = await Promise.all(fronts.map((front) => initialize(front)))
    expect(completed.filter(Boolean)).toHaveLength(1)
    const sessions = await Promise.all(fronts.map(async (front) => (await front.look()).session.epoch))
    expect(new Set(sessions)).toEqual(new Set([fronts[completed.indexOf(true)]!.session!.epoch]))
  })

  test('has the more patience with others the more often they took it over, until it has completed', async () => {
    const patience: (string | undefined)[] = []
    let completes = '0'
    const connection = await fakeRedis((command) => {
      if (command[0] !== 'EVALSHA') return healthy(command)
      if (command[1] !== ANNOUNCE.sha) return `:${completes}\r\n`
      patience.push(command.at(-1))
      return ':1\r\n'
    })
    const front = openFront({} as RedisServer, { connection })
    await front.whenReady(PATIENT_MS)
    for (let i = 0; i < 6; i++) expect(await initialize(front, 0, 'mark')).toBe(false)
    completes = '1'
    for (let i = 0; i < 2; i++) expect(await initialize(front, 0, 'mark')).toBe(true)
    expect(patience).toEqual(['100', '200', '400', '800', '1600', '1600', '1600', '100'])
  })

  test('does not complete when meta was lost meanwhile, or the link', async () => {
    const front = await readyFront(redis.server)
    const start = (between: () => unknown) => async () => {
      await between()
      return { epoch: newEpoch(), head: 1, mark: '' }
    }
    expect(await front.initialize(start(() => redis.raw.flushall()))).toBe(false)
    expect((await front.look()).watermark).toBeUndefined()
    await expect(front.initialize(start(() => front.reconnect()))).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE' })
    await eventually('it is connected', () => front.session !== undefined)
    const again = start(async () => {
      front.reconnect()
      await eventually('it is connected', () => front.session !== undefined)
    })
    expect(await front.initialize(again)).toBe(false)
    expect((await front.look()).watermark).toBeUndefined()
  })

  test('rejects with what the caller throws, stays closed, and takes no odd epoch', async () => {
    const front = await readyFront(redis.server)
    await expect(front.initialize(() => Promise.reject(new Error('the file is busy')))).rejects.toThrow('file is busy')
    expect((await front.look()).watermark).toBeUndefined()
    const odd = (): Promise<never> => Promise.resolve({ epoch: 'x', head: 0, mark: '' } as never)
    await expect(front.initialize(odd)).rejects.toBeInstanceOf(RangeError)
  })

  test('is bounded in time, whatever the caller does', async () => {
    const front = await readyFront(redis.server, { connectTimeoutMs: 30 })
    const never = front.initialize(() => new Promise(() => {}))
    await expect(never).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE' })
    await front.close()
  })
})

describe('tail()', () => {
  const step = (from: number, ...changes: ReturnType<typeof change>[]) => ({
    from,
    to: changes.at(-1)!.seq,
    changes,
    mark: 'm',
    tailer: 'me',
  })

  test('removes what its changes replaced, keeps what is as new, and fences both', async () => {
    const front = await readyFront(redis.server)
    await front.fill(['a', 'b', 'c'].map((id) => fillOf(key(id), 0, 0, 0)))
    await front.apply([change(2, key('b'), 'new')], 'install')
    expect(await front.tail(step(0, change(1, key('a'), 1), change(2, key('b'), 'new')))).toBe(2)
    const found = await readNow(
      front,
      ['a', 'b', 'c'].map((id) => key(id)),
    )
    expect(found.map((each) => each?.asOf)).toEqual([undefined, 2, 0])
    expect(await front.fill([fillOf(key('a'), 0, 0, 0)])).toEqual(['fenced'])
  })

  test('says where the watermark stands when it does not start there', async () => {
    const front = await readyFront(redis.server)
    expect(await front.tail(step(1, change(2, key('a'), 1)))).toBe(0)
    expect(await front.tail(step(0, change(1, key('a'), 1)))).toBe(1)
    expect(await front.tail(step(0, change(1, key('a'), 1)))).toBe(1)
    expect((await front.look()).watermark).toBe(1)
  })

  test('takes steps that are too long for one script', async () => {
    const front = await readyFront(redis.server)
    const changes = Array.from({ length: 2_500 }, (_, i) => change(i + 1, key('k', i), i))
    await front.fill(changes.map((each) => fillOf(each.key, 'old', 0, 0)))
    expect(await front.tail(step(0, ...changes))).toBe(2_500)
    expect(await redis.raw.dbsize()).toBe(1)
  })
})

describe('looking into it', () => {
  test('inspect() tells record, fence and where the front stands', async () => {
    const front = await readyFront(redis.server, { jitter: 0 })
    expect(await front.inspect(key('a'))).toMatchObject({ record: undefined, fence: 0, look: { watermark: 0 } })
    await front.apply([change(5, key('a'), 1)], 'install')
    const { record, fence, look } = await front.inspect(key('a'))
    expect(record).toMatchObject({ kind: 'value', version: 5, epoch: front.session?.epoch })
    expect(record!.until).toBeGreaterThan(Date.now())
    expect([fence, look.session]).toEqual([5, front.session])
    await initialize(front, 9)
    expect(await front.inspect(key('a'))).toMatchObject({ record: { version: 5 }, fence: 9, look: { watermark: 9 } })
    await redis.raw.del(`${prefix}a`)
    await redis.raw.lpush(`${prefix}a`, 'stray')
    expect((await front.inspect(key('a'))).record).toBeUndefined()
  })

  test('records() lists what the epoch holds, page by page', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(1, key('former'), 1)], 'install')
    await initialize(front, 1)
    const other = await readyFront(redis.server, { namespace: 'tidemark2' })
    await other.apply([change(1, key('theirs'), 1)], 'install')
    const changes = Array.from({ length: 300 }, (_, i) => change(i + 2, key('ключ', i), i))
    await front.apply(changes, 'install')
    await redis.raw.set(`${prefix}damaged`, 'x')
    await redis.raw.lpush(`${prefix}stray`, 'x')
    const held = new Map<string, number>()
    const damaged = new Set<string>()
    let pages = 0
    let cursor: string | undefined
    do {
      const page = await front.records(cursor, 50)
      for (const { id, version } of page.records) held.set(id, version)
      for (const id of page.damaged) damaged.add(id)
      cursor = page.cursor
      pages++
    } while (cursor !== undefined)
    expect(held).toEqual(new Map(changes.map((each) => [each.key.id, each.seq])))
    expect([...damaged]).toEqual(['damaged'])
    expect(pages).toBeGreaterThan(3)
    await expect(front.records('x', 10)).rejects.toBeInstanceOf(TypeError)
    await expect(front.records(undefined, 0)).rejects.toBeInstanceOf(RangeError)
    await redis.raw.del(meta)
    await front.look()
    expect(await front.records(undefined, 10)).toEqual({ records: [], damaged: [], cursor: undefined })
  })
})

test('whenReady() says that nobody has initialized the server', async () => {
  const front = openFront(redis.server)
  await eventually('it is connected', () => front.status === 'fenced')
  await expect(front.whenReady(1)).rejects.toThrow(/nobody has initialized it yet/)
  const ready = front.whenReady(PATIENT_MS)
  await initialize(front)
  await ready
})
