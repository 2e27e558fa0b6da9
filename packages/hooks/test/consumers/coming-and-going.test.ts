import { createMemoryBack, type LogChange } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { consume, type Consumer } from '../../src/index.ts'
import { recordEvents } from '../support/events.ts'
import { pass } from '../support/passing.ts'
import { StoppableClock } from '../support/stoppable-clock.ts'
import { commit, setting } from '../support/writing.ts'

const LEASE_MS = 3_000

describe('members that come and go', () => {
  it('hand every change over once, in order per key, whatever becomes of the members', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constantFrom('join', 'leave', 'stop', 'go on'), which: fc.nat() }),
      fc.record({ kind: fc.constant('write'), which: fc.nat({ max: 12 }) }),
      fc.record({ kind: fc.constant('pass'), which: fc.nat({ max: 2 * LEASE_MS }) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.nat({ max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, failEvery, batch) => {
          const clock = new ManualClock()
          const back = createMemoryBack({ clock })
          const members: { readonly clock: StoppableClock; readonly consumer: Consumer }[] = []
          let calls = 0
          let written = 0
          let lastInput = 0
          const join = async (): Promise<void> => {
            const own = new StoppableClock(clock)
            const consumer = await consume(
              back,
              'shared',
              {
                from: 'start',
                prefix: 'n',
                lanes: 3,
                batch,
                leaseMs: LEASE_MS,
                clock: own,
                transaction: true,
                attempts: 1_000,
              },
              async (changes, { tx }) => {
                for (const { key, seq } of changes) tx.set(['done', key[1]!, seq], seq)
                await new Promise((resolve) => setImmediate(resolve))
                if (failEvery > 0 && ++calls % (failEvery + 1) === 0) throw new Error('now and then')
              },
            )
            recordEvents(consumer)
            members.push({ clock: own, consumer })
          }
          await join()
          for (const { kind, which } of steps) {
            const index = members.length === 0 ? 0 : which % members.length
            if (kind === 'join' && members.length < 4) await join()
            else if (kind === 'write') {
              for (let n = 0; n < which; n++) lastInput = (await commit(back, setting(['n', written++ % 5], n))).asOf
            } else if (kind === 'pass') await pass(clock, which, 250)
            else if (kind === 'stop') members[index]?.clock.stop()
            else if (kind === 'go on') members[index]?.clock.goOn()
            else if (kind === 'leave' && members.length > 0) {
              const [{ clock: own, consumer }] = members.splice(index, 1) as [(typeof members)[number]]
              own.goOn()
              const closed = consumer.close()
              await pass(clock, 2_000, 500)
              await closed
            }
          }
          for (const { clock: own } of members) own.goOn()
          if (members.length === 0) await join()
          const [{ consumer }] = members as [(typeof members)[number]]
          for (let waited = 0; (await consumer.stats()).lanes.some(({ seq }) => seq < lastInput); waited++) {
            expect(waited).toBeLessThan(500)
            await pass(clock, 1_000, 250)
          }
          const closed = Promise.all(members.map((member) => member.consumer.close()))
          await pass(clock, 1_000, 250)
          await closed
          const { changes } = await back.log.read({ after: 0, limit: 10_000 })
          const seqsOf = (first: string, toSeq: (row: LogChange) => unknown): unknown =>
            Map.groupBy(
              changes.filter(({ key }) => key.tuple[0] === first),
              ({ key }) => key.tuple[1],
            )
              .entries()
              .map(([key, rows]) => [key, rows.map(toSeq)] as const)
              .toArray()
          expect(new Map(seqsOf('done', ({ payload }) => payload!.read()) as [])).toEqual(
            new Map(seqsOf('n', ({ seq }) => seq) as []),
          )
        },
      ),
      { numRuns: 40 },
    )
  }, 120_000)
})
