import { setImmediate } from 'node:timers/promises'
import { eventually, ManualClock } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { ConflictTurns } from '../../src/consumers/conflict-turns.ts'
import { deferred } from '../support/deferred.ts'

async function afterConflict(clock: ManualClock): Promise<ConflictTurns> {
  const turns = new ConflictTurns(clock, () => 0)
  const met = turns.met(1)
  clock.advance(0)
  await met
  return turns
}

describe('lanes whose transactions got in each other’s way', () => {
  it('take turns: one begins when the one before it is done', async () => {
    const clock = new ManualClock()
    const turns = await afterConflict(clock)
    const begun: number[] = []
    const first = deferred()
    const running = [first.promise, Promise.resolve()].map((until, i) =>
      turns.run(async () => {
        begun.push(i)
        await until
      }),
    )
    await eventually('one has begun', () => begun.length > 0)
    clock.advance(500)
    await setImmediate()
    expect(begun).toEqual([0])
    first.resolve()
    await Promise.all(running)
    expect(begun).toEqual([0, 1])
  })

  it('do not wait for one that hangs', async () => {
    const clock = new ManualClock()
    const turns = await afterConflict(clock)
    const begun: number[] = []
    const hung = deferred()
    const running = Array.from({ length: 3 }, (_, i) =>
      turns.run(async () => {
        begun.push(i)
        if (i === 0) await hung.promise
      }),
    )
    await eventually('one has begun', () => begun.length > 0)
    clock.advance(999)
    await setImmediate()
    expect(begun).toEqual([0])
    clock.advance(1)
    await Promise.all(running.slice(1))
    expect(begun).toEqual([0, 1, 2])
    hung.resolve()
    await running[0]
  })
})
