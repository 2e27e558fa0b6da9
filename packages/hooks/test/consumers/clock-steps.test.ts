import { createMemoryBack } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { consume } from '../../src/index.ts'
import { pass } from '../support/passing.ts'
import { StoppableClock } from '../support/stoppable-clock.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, setting } from '../support/writing.ts'

const LEASE_MS = 1_000
const DAY = 86_400_000

describe.each(['memory', 'sqlite'])('over %s, when the wall clock goes back by a day', (kind) => {
  it('the lanes of a member that is dead go to those that live', async () => {
    await using store = await tempStore()
    const clock = new ManualClock()
    const back = kind === 'memory' ? createMemoryBack({ clock }) : store.open({ clock })
    const seen: number[] = []
    const { promise: revived, resolve: revive } = Promise.withResolvers<void>()
    const join = (own: StoppableClock): ReturnType<typeof consume> =>
      consume(back, 'shared', { from: 'start', lanes: 2, leaseMs: LEASE_MS, clock: own }, async ({ seq }) => {
        if (own === dead) await revived
        else seen.push(seq)
      })
    const [dead, living] = [new StoppableClock(clock), new StoppableClock(clock)]
    const gone = await join(dead)
    await using _consumer = await join(living)
    await pass(clock, 2 * LEASE_MS)
    dead.stop()
    clock.step(-DAY)
    for (let n = 1; n <= 20; n++) await commit(back, setting(['k', n], n))
    // A second time, once somebody has looked at the leases.
    await pass(clock, LEASE_MS / 2)
    clock.step(-DAY)
    await pass(clock, 2 * LEASE_MS)
    expect(new Set(seen).size).toBe(20)
    revive()
    dead.goOn()
    await gone.close()
  })
})
