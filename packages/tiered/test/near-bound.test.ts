import { type Clock, createNearMemory, type Log, Store, systemClock, TidemarkError } from '@tidemark/core'
import { createSqliteBack, type SqliteBack } from '@tidemark/sqlite'
import { codec, ManualClock } from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTiered, type TierEvent } from '../src/index.ts'
import { Fleet } from './support/fleet.ts'
import { RemoteLog, searchesOf, seenFromOutside } from './support/other-process.ts'

const HOUR = 3_600_000

interface FailingLog extends Log {
  failure: Error | undefined
}

/** A log that is read without leaving the turn, and fails on demand. */
function embeddedLog(log: SqliteBack['log']): FailingLog {
  const remote = new RemoteLog(log)
  const { sync } = log
  const orFail = <T>(work: () => T): T => {
    if (remote.failure !== undefined) throw remote.failure
    return work()
  }
  return {
    get failure() {
      return remote.failure
    },
    set failure(failure) {
      remote.failure = failure
    },
    identity: remote.identity,
    ...searchesOf(remote),
    sync: sync && { head: () => orFail(() => sync.head()), read: (options) => orFail(() => sync.read(options)) },
    head: () => remote.head(),
    floor: () => remote.floor(),
    read: (options) => remote.read(options),
    wait: (after, signal) => remote.wait(after, signal),
    nudge: () => {},
  }
}

describe.each([
  ['embedded', embeddedLog],
  ['remote', (log: SqliteBack['log']): FailingLog => new RemoteLog(log)],
])('a log that cannot be read (%s)', (_where, failing) => {
  test('near memory with a bound: reads fail once it is over, and do not guess', async () => {
    const { file } = new Fleet()
    const sqlite = createSqliteBack({ file, synchronous: 'normal', codec })
    onTestFinished(() => sqlite.close())
    const writer = new Store(sqlite)
    const log = failing(sqlite.log)
    const clock = new ManualClock()
    const near = createNearMemory({ clock })
    const tiers = createTiered({ back: seenFromOutside(sqlite, log), near, nearMaxStaleMs: 100, clock })
    onTestFinished(() => tiers.close())
    const events: TierEvent[] = []
    tiers.tierEvents$.subscribe((event) => events.push(event))
    const reader = new Store(tiers)
    await writer.set('k', 'old')
    expect(await reader.get('k')).toBe('old')
    expect(await reader.get('k')).toBe('old')
    log.failure = new TidemarkError('IO', 'the disk is away', { retryable: true })
    await writer.set('k', 'new')
    clock.advance(99)
    // Its proof is from before the trouble, and still good.
    expect(await reader.get('k')).toBe('old')
    clock.advance(1)
    const io = { code: 'IO', message: 'the disk is away' }
    for (let i = 0; i < 2; i++) {
      await expect(reader.get('k')).rejects.toMatchObject(io)
      await expect(reader.getMany(['k', 'absent'])).rejects.toMatchObject(io)
      await expect(reader.get('k', { readPolicy: 'frontend-only' })).rejects.toMatchObject(io)
      clock.advance(1_000)
    }
    // What asks no front is not concerned.
    expect(await reader.get('k', { consistency: 'linearizable' })).toBe('new')
    log.failure = undefined
    expect(await reader.get('k')).toBe('new')
  })
})

test('strict near memory measures no time: a monotonic clock that steps, stands still or runs back hides no write', async () => {
  const fleet = new Fleet()
  let monotonic = 0
  const clock: Clock = { ...systemClock, monotonic: () => monotonic }
  const writer = await fleet.open()
  const reader = await fleet.open({ near: { clock }, deaf: true, clock })
  for (const [i, step] of [0, HOUR, 0, -2 * HOUR, 0.001, HOUR].entries()) {
    await writer.store.set('k', i)
    expect(await reader.store.get('k')).toBe(i)
    monotonic += step
    expect(await reader.store.get('k')).toBe(i)
  }
  expect(reader.tiers.tierStats().hits).toMatchObject({ near: 6 })
})
