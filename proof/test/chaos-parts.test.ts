import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCborCodec, Payload } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { Findings } from '../src/chaos/check/findings.ts'
import { FAULT_KINDS, FAULTS } from '../src/chaos/faults/kinds.ts'
import { planFaults } from '../src/chaos/faults/plan.ts'
import { readFlags } from '../src/chaos/flags.ts'
import { readHistory } from '../src/chaos/history/read-history.ts'
import { hashOf, makeValue } from '../src/chaos/payload.ts'
import { compareTiers } from '../src/chaos/rest/compare.ts'
import { parseRecord } from '../src/chaos/rest/record-bytes.ts'
import { redisInfo } from '../src/chaos/servers/admin.ts'
import { RedisPair } from '../src/chaos/servers/redis-pair.ts'
import { TcpProxy } from '../src/chaos/servers/tcp-proxy.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

describe('the plan of faults', () => {
  const minute = { seed: 1, forMs: 60_000, kinds: FAULT_KINDS, ack: 'bounded' } as const

  test('is the same for the same seed, and another one for another', () => {
    expect(planFaults(minute)).toEqual(planFaults(minute))
    expect(planFaults(minute)).not.toEqual(planFaults({ ...minute, seed: 2 }))
  })

  test.each(['bounded', 'strict'] as const)(
    'has a fault every few seconds, in its lane, and every kind in a minute: %s',
    (ack) => {
      const plan = planFaults({ ...minute, ack })
      for (const lane of ['workers', 'servers'] as const) {
        const times = plan[lane].map(({ atMs }) => atMs)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        for (const [i, atMs] of times.entries()) expect(atMs - (times[i - 1] ?? 0)).toBeLessThan(5_000)
        expect(plan[lane].every(({ kind }) => FAULTS[kind].lane === lane)).toBe(true)
      }
      expect(new Set([...plan.workers, ...plan.servers].map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS))
    },
  )

  test('leaves Redis time to be read from between two faults, where one takes it from everybody', () => {
    const count = ({ workers, servers }: ReturnType<typeof planFaults>): number => workers.length + servers.length
    const [fast, slow] = [count(planFaults(minute)), count(planFaults({ ...minute, ack: 'strict' }))]
    expect(slow / fast).toBeGreaterThan(0.4)
    expect(slow / fast).toBeLessThan(0.6)
  })

  test('makes only what was asked for, and nothing just before the end', () => {
    const { workers, servers } = planFaults({ ...minute, kinds: ['cut'] })
    expect(servers).toEqual([])
    expect(new Set(workers.map(({ kind }) => kind))).toEqual(new Set(['cut']))
    expect(workers.at(-1)!.atMs).toBeLessThan(59_500)
    expect(planFaults({ ...minute, kinds: [] })).toEqual({ workers: [], servers: [] })
  })
})

describe('flags', () => {
  test('without any', () => {
    expect(readFlags([])).toEqual({
      json: false,
      settings: {
        forMs: 30_000,
        seed: 1,
        workers: 4,
        keys: 32,
        ack: 'bounded',
        faults: FAULT_KINDS,
        sabotage: undefined,
      },
    })
  })

  test('with all of them', () => {
    const line =
      '--for 1.5m --seed 7 --workers 2 --keys 8 --ack strict --faults cut,flush --sabotage blind-update --json'
    expect(readFlags(line.split(' '))).toEqual({
      json: true,
      settings: {
        forMs: 90_000,
        seed: 7,
        workers: 2,
        keys: 8,
        ack: 'strict',
        faults: ['cut', 'flush'],
        sabotage: 'blind-update',
      },
    })
    expect(readFlags(['--help'])).toBe('help')
  })

  test.each([
    [['--for', 'long'], /--for takes a time/],
    [['--for', '0s'], /--for takes a time/],
    [['--workers', '0'], /--workers takes a whole number from 1 to 16/],
    [['--seed', ''], /--seed takes/],
    [['--ack', 'maybe'], /--ack takes bounded or strict/],
    [['--faults', 'cut,rain'], /--faults takes .*not rain/],
    [['--sabotage', 'rain'], /--sabotage takes/],
    [['--what'], /--what/],
  ])('%j is refused', (args, message) => {
    expect(() => readFlags(args)).toThrow(message)
  })
})

describe('histories', () => {
  function folderWith(files: Readonly<Record<string, string>>): string {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-test-'))
    cleanups.push(() => rmSync(folder, { recursive: true }))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    return folder
  }
  const begin = '{"kind":"begin","session":"w0","key":"k","op":"set","id":"a","invoke":1}\n'
  const ack = '{"kind":"ack","id":"a","return":2,"version":1,"changed":true,"applied":true}\n'

  test('a write is open until its second line', async () => {
    const { writes } = await readHistory(folderWith({ 'w0.jsonl': begin }))
    expect(writes).toMatchObject([{ kind: 'write', id: 'a', invoke: 1, ack: undefined }])
    const acknowledged = await readHistory(folderWith({ 'w0.jsonl': begin + ack }))
    expect(acknowledged.writes).toMatchObject([{ id: 'a', ack: { return: 2, version: 1 } }])
  })

  test('the two lines of a load are joined; one of a call that never returned stays open', async () => {
    const load = { kind: 'load', session: 'w0.1', key: 'k', startedAt: 5, outcome: 'value', hash: 'h' } as const
    const lines = [
      { ...load, id: 'a' },
      { kind: 'loaded', id: 'a', return: 9 },
      { ...load, id: 'b' },
    ]
    const { loads } = await readHistory(
      folderWith({ 'w0.jsonl': lines.map((line) => JSON.stringify(line)).join('\n') }),
    )
    expect(loads).toMatchObject([
      { id: 'a', returned: 9 },
      { id: 'b', returned: undefined },
    ])
  })

  test('only the last line may be torn', async () => {
    const torn = begin + ack.slice(0, 20)
    expect((await readHistory(folderWith({ 'w0.jsonl': torn }))).writes).toMatchObject([{ ack: undefined }])
    await expect(readHistory(folderWith({ 'w0.jsonl': `${torn}\n${ack}` }))).rejects.toThrow(/w0.jsonl:2/)
    await expect(readHistory(folderWith({ 'w0.jsonl': ack }))).rejects.toThrow('never begun')
  })
})

describe('tiers at rest', () => {
  const value = makeValue('a', 0, 20)
  const log = [
    { seq: 1, key: 'k', op: 'set', id: 'a', hash: hashOf(value), count: 0, tags: [] },
    { seq: 2, key: 'gone', op: 'set', id: 'b', hash: 'x', count: 0, tags: [] },
    { seq: 3, key: 'gone', op: 'delete', id: undefined, hash: undefined, count: undefined, tags: [] },
  ] as const
  const back = { log, versions: new Map(Object.entries({ k: 1, gone: 0 })) }
  const current = { epoch: '0000000a', until: 2_000 }
  const record = { ...current, key: 'k', kind: 'value', version: 1, hash: hashOf(value) } as const
  const absence = { ...current, key: 'gone', kind: 'absent', version: 3, hash: undefined } as const
  const position = { epoch: '0000000a', watermark: 3 }

  function differences(
    front: Parameters<typeof compareTiers>[1],
    state: Parameters<typeof compareTiers>[0] = back,
  ): readonly string[] {
    const findings = new Findings()
    compareTiers(state, front, 1_000, findings)
    return findings.all().diverged?.excerpts ?? []
  }

  test('that agree', () => {
    expect(differences({ ...position, records: [record, absence] })).toEqual([])
  })

  test.each([
    [{ ...record, version: 2 }, 'the front holds k at 2; it is a at 1'],
    [{ ...record, hash: 'y' }, `the front holds k at 1 with the hash y; in the log that has ${hashOf(value)}`],
    [{ ...record, key: 'gone', version: 2 }, 'the front holds gone at 2; it is absent since 3'],
    [{ ...record, key: 'never' }, 'the front holds never at 1; it is absent since 0'],
    [{ ...absence, version: 1 }, 'the front holds gone as absent at 1; it is absent since 3'],
    [{ ...absence, version: 4 }, 'the front holds gone as absent at 4; it is absent since 3'],
    [{ ...absence, key: 'k' }, 'the front holds k as absent at 3; it is a at 1'],
  ])('%j differs', (wrong, excerpt) => {
    expect(differences({ ...position, records: [wrong] })).toEqual([excerpt])
  })

  test('records of other epochs and expired ones do not count', () => {
    const others = [
      { ...record, version: 9, epoch: '0000000b' },
      { ...record, version: 9, until: 1_000 },
    ]
    expect(differences({ ...position, records: others })).toEqual([])
  })

  test('tags: a value whose tag was invalidated still stands in both, and the tag has a record of its own', () => {
    const nothing = { id: undefined, hash: undefined, count: undefined, tags: [] } as const
    const tagged = { ...log[0], tags: ['t'] }
    const invalidated = [tagged, log[1], log[2], { ...nothing, seq: 4, key: '#t', op: 'invalidate' } as const]
    const versions = new Map(Object.entries({ k: 1, gone: 0, '#t': 4 }))
    const tag = { ...record, key: '#t', version: 4, hash: undefined }
    const at = { ...position, watermark: 4 }
    expect(differences({ ...at, records: [record, tag] }, { log: invalidated, versions })).toEqual([])
    expect(differences({ ...at, records: [{ ...tag, version: 2 }] }, { log: invalidated, versions })).toHaveLength(1)
    const stale = { log: invalidated, versions: new Map(versions).set('#t', 2) }
    expect(differences({ ...at, records: [] }, stale)).toEqual(['#t is at 2, and at 4 in the log'])
  })

  test('that a loader found nothing is an entry, and a record, of its own', () => {
    const nothing = { seq: 1, key: 'k', op: 'set', id: undefined, hash: undefined, count: undefined, tags: [] } as const
    const back = { log: [nothing], versions: new Map([['k', 1]]) }
    const at = { ...position, watermark: 1 }
    expect(differences({ ...at, records: [{ ...record, hash: undefined }] }, back)).toEqual([])
    expect(differences({ ...at, records: [record] }, back)).toHaveLength(1)
  })

  test('a front that has not followed the log, and an entry that is not that of the log', () => {
    expect(differences({ ...position, watermark: 2, records: [] })).toEqual([
      'the front has followed the log to 2, not to 3',
    ])
    expect(differences({ ...position, watermark: undefined, records: [] })).toHaveLength(1)
    const stale = { log, versions: new Map(Object.entries({ k: 1, gone: 2 })) }
    expect(differences({ ...position, records: [] }, stale)).toEqual(['gone is at 2, and at 0 in the log'])
  })

  test('a record is read as its bytes say', () => {
    const bytes = Buffer.alloc(55)
    bytes.write('V00000000a0000000000000042\u0001')
    bytes.writeDoubleBE(2_000, 27)
    const payload = Payload.encode(createCborCodec(), value)
    expect(parseRecord('k', Buffer.concat([bytes, payload.bytes]))).toEqual({ ...record, version: 42 })
    const nothing = Payload.encode(createCborCodec(), null)
    expect(parseRecord('k', Buffer.concat([bytes, nothing.bytes]))).toMatchObject({ kind: 'value', hash: undefined })
    bytes.write('N')
    expect(parseRecord('k', bytes)).toEqual({ ...record, kind: 'absent', version: 42, hash: undefined })
    expect(() => parseRecord('k', Buffer.from('something else'))).toThrow('k begins with something else')
  })
})

describe('a primary that is demoted', () => {
  test('lives on as a replica, has sent its clients away, and gets its place back the same way', async () => {
    const pair = await RedisPair.start()
    try {
      const { primary: former, replica: follower } = pair
      const run = await redisInfo(former.port, 'server', 'run_id')
      const connected = new Redis({ port: former.port, host: '127.0.0.1', retryStrategy: null })
      connected.on('error', () => undefined)
      await connected.set('k', 'v')
      await pair.demote()
      await eventually('its client is sent away', () => connected.status === 'end')
      expect([pair.primary, pair.replica]).toEqual([follower, former])
      expect(await redisInfo(former.port, 'replication', 'role')).toBe('slave')
      expect(await redisInfo(former.port, 'replication', 'master_port')).toBe(String(follower.port))
      expect(await redisInfo(follower.port, 'replication', 'role')).toBe('master')
      await pair.demote()
      expect([pair.primary, pair.replica]).toEqual([former, follower])
      expect(await redisInfo(former.port, 'replication', 'role')).toBe('master')
      expect(await redisInfo(former.port, 'server', 'run_id')).toBe(run)
      expect(await redisInfo(follower.port, 'replication', 'role')).toBe('slave')
    } finally {
      await pair.close()
    }
  })
})

describe('the proxy', () => {
  /** A server that answers every byte with itself, behind a proxy. */
  async function echo(): Promise<{ readonly proxy: TcpProxy; readonly arrived: () => string }> {
    let arrived = ''
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (bytes) => {
        arrived += bytes.toString()
        socket.write(bytes)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const proxy = await TcpProxy.start(() => port)
    cleanups.push(() => {
      proxy.close()
      server.close()
    })
    return { proxy, arrived: () => arrived }
  }

  function client(port: number): {
    readonly socket: Socket
    readonly heard: () => string
    readonly broken: () => boolean
  } {
    const socket = connect({ host: '127.0.0.1', port })
    let heard = ''
    let broken = false
    socket.on('data', (bytes) => (heard += bytes.toString()))
    socket.on('error', () => undefined)
    socket.on('close', () => (broken = true))
    cleanups.push(() => void socket.destroy())
    return { socket, heard: () => heard, broken: () => broken }
  }

  test('passes bytes in order, late where it is told to', async () => {
    const { proxy } = await echo()
    const { socket, heard } = client(proxy.port)
    socket.write('a')
    await eventually('a comes back', () => heard() === 'a')
    proxy.delay(20)
    const sent = performance.now()
    socket.write('b')
    socket.write('c')
    await eventually('b and c come back', () => heard() === 'abc')
    // There and back; timers may be a little early.
    expect(performance.now() - sent).toBeGreaterThan(35)
  })

  test('holds one direction, and delivers later', async () => {
    const { proxy, arrived } = await echo()
    const { socket, heard } = client(proxy.port)
    proxy.hold('replies')
    socket.write('a')
    await eventually('a arrives', () => arrived() === 'a')
    proxy.hold('requests')
    socket.write('b')
    proxy.release('replies')
    await eventually('the answer to a comes', () => heard() === 'a')
    expect(arrived()).toBe('a')
    proxy.release('requests')
    await eventually('b comes back', () => heard() === 'ab')
  })

  test('what is held arrives although whoever sent it is gone', async () => {
    const { proxy, arrived } = await echo()
    const { socket, heard } = client(proxy.port)
    socket.write('a')
    await eventually('a comes back', () => heard() === 'a')
    proxy.hold('requests')
    socket.end('b')
    await eventually('the client is gone', () => socket.writableFinished)
    socket.destroy()
    proxy.release('requests')
    await eventually('b arrives', () => arrived() === 'ab')
  })

  test('what is held is lost with its connection; others are welcome', async () => {
    const { proxy, arrived } = await echo()
    const first = client(proxy.port)
    first.socket.write('a')
    await eventually('a comes back', () => first.heard() === 'a')
    proxy.hold('replies')
    first.socket.write('b')
    await eventually('b arrives', () => arrived() === 'ab')
    proxy.cut()
    await eventually('the first one is broken', first.broken)
    proxy.release('replies')
    const second = client(proxy.port)
    second.socket.write('c')
    await eventually('c comes back', () => second.heard() === 'c')
    expect(first.heard()).toBe('a')
  })

  test('refuses until it accepts again, on the same port', async () => {
    const { proxy } = await echo()
    const first = client(proxy.port)
    first.socket.write('a')
    await eventually('a comes back', () => first.heard() === 'a')
    proxy.refuse()
    await eventually('it is broken', first.broken)
    await eventually('the next one is refused', client(proxy.port).broken)
    await proxy.accept()
    const third = client(proxy.port)
    third.socket.write('c')
    await eventually('c comes back', () => third.heard() === 'c')
  })

  test('leads new connections elsewhere, and leaves those that are there', async () => {
    const [one, other] = [await echo(), await echo()]
    const { proxy } = one
    const first = client(proxy.port)
    first.socket.write('a')
    await eventually('a arrives', () => one.arrived() === 'a')
    proxy.target = () => other.proxy.port
    const second = client(proxy.port)
    second.socket.write('b')
    await eventually('b arrives elsewhere', () => other.arrived() === 'b')
    first.socket.write('c')
    await eventually('c arrives where a did', () => one.arrived() === 'ac')
  })
})
