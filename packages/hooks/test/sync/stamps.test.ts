import { type Back, createMemoryBack, type Marks, Payload, StoreKey } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sync, type Sync, type SyncTarget } from '../../src/index.ts'
import { STAMPS, stampKey } from '../../src/sync/sync-keys.ts'
import { contentOf } from '../support/content.ts'
import { commit, deleting, setting } from '../support/writing.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function start(from: Back, to: SyncTarget, clock: ManualClock, name = 's'): Sync {
  const conflict = { policy: 'lastWriter', keepDeletionsMs: HOUR } as const
  const one = sync(from, to, { name, clock, conflict, leaseMs: 24 * HOUR })
  onTestFinished(() => one.close())
  return one
}

/** The keys of which a stamp is remembered. */
async function stamped(to: Back): Promise<string[]> {
  const marks = await to.marks.scan(STAMPS, { after: undefined, limit: 10_000 })
  return marks.map(({ key }) => String(key.tuple.at(-1)))
}

/** Lets as much time pass in steps, in which all that can run does. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += MINUTE) {
    clock.advance(MINUTE)
    for (let i = 0; i < 10; i++) await new Promise(setImmediate)
  }
}

describe('stamps', () => {
  it('of what is gone are forgotten after keepDeletionsMs, and those of what a sync has brought are kept', async () => {
    const clock = new ManualClock()
    const [from, to] = [createMemoryBack({ clock }), createMemoryBack({ clock })]
    const keys = ['kept', 'deleted there', 'deleted here', 'expired', 'overwritten']
    for (const key of keys)
      await commit(from, setting(key, 1, key === 'expired' ? { expiresAt: clock.now() + MINUTE } : {}))
    const one = start(from, to, clock)
    await one.caughtUp()
    await commit(from, deleting('deleted there'))
    await commit(to, deleting('deleted here'), setting('overwritten', 'here'))
    await commit(from, setting('other', 1))
    await one.caughtUp()
    expect(new Set(await stamped(to))).toEqual(new Set([...keys, 'other']))
    await pass(clock, 50 * MINUTE)
    expect(new Set(await stamped(to))).toEqual(new Set([...keys, 'other']))
    await pass(clock, 15 * MINUTE)
    expect(await stamped(to)).toEqual(['kept', 'other'])
    expect([...(await contentOf(to)).keys()].toSorted()).toEqual(['kept', 'other', 'overwritten'])
  })

  it('are looked through page by page, all of them in time', async () => {
    const clock = new ManualClock()
    const [from, to] = [createMemoryBack({ clock }), createMemoryBack({ clock })]
    const keys = Array.from({ length: 1_200 }, (_, i) => i)
    await commit(from, ...keys.map((i) => setting(['k', i], i)))
    const one = start(from, to, clock)
    await one.caughtUp()
    await commit(from, ...keys.filter((i) => i >= 600).map((i) => deleting(['k', i])))
    await one.caughtUp()
    expect(await stamped(to)).toHaveLength(1_200)
    await pass(clock, HOUR + 10 * MINUTE)
    expect(await stamped(to)).toEqual(keys.filter((i) => i < 600).map(String))
  })

  it('that somebody sets anew while they are about to be forgotten stay', async () => {
    const clock = new ManualClock()
    const [from, to] = [createMemoryBack({ clock }), createMemoryBack({ clock })]
    await commit(from, setting('k', 1))
    const setup = start(from, to, clock)
    await setup.caughtUp()
    await commit(from, deleting('k'))
    await setup.caughtUp()
    await setup.close()
    clock.advance(2 * HOUR)
    const anew = (await to.marks.read([stampKey(StoreKey.of('k'))]))[0]!
    let removals = 0
    const marks: Marks = {
      read: (wanted) => to.marks.read(wanted),
      scan: (range, page) => to.marks.scan(range, page),
      write: async (writes, options) => {
        if (writes.some(({ value }) => value === undefined)) {
          removals++
          // Another sync into this store has met a deletion of the key, and has remembered that.
          const [at, ...rest] = anew.decode() as [number, ...unknown[]]
          await to.marks.write([
            { key: stampKey(StoreKey.of('k')), value: Payload.encode(to.codec, [at + 2 * HOUR, ...rest]) },
          ])
        }
        await to.marks.write(writes, options)
      },
    }
    const { log, leases, codec } = to
    const target = {
      log,
      leases,
      codec,
      marks,
      scan: to.scan.bind(to),
      read: to.read.bind(to),
      commit: to.commit.bind(to),
    }
    const one = start(from, target, clock)
    await one.caughtUp()
    await pass(clock, 2 * MINUTE)
    expect(removals).toBeGreaterThan(0)
    expect(await stamped(to)).toEqual(['k'])
  })

  it('that the target would have forgotten are not copied from a source that has not', async () => {
    const clock = new ManualClock()
    const [first, from, to] = [createMemoryBack({ clock }), createMemoryBack({ clock }), createMemoryBack({ clock })]
    await commit(first, setting('old', 1), setting('new', 1))
    const one = start(first, from, clock)
    await one.caughtUp()
    await commit(first, deleting('old'))
    await one.caughtUp()
    await one.close()
    clock.advance(2 * HOUR)
    const again = start(first, from, clock)
    await commit(first, deleting('new'))
    await again.caughtUp()
    await again.close()
    expect((await stamped(from)).toSorted()).toEqual(['new', 'old'])
    const onwards = start(from, to, clock, 'onwards')
    await onwards.caughtUp()
    expect(await stamped(to)).toEqual(['new'])
  })
})
