import { createMemoryBack, type LogChange } from '@tidemark/core'
import { eventOf, ManualClock, validateStreams } from '@tidemark/testkit'
import fc from 'fast-check'
import { afterEach, expect, it, vi } from 'vitest'
import { type BatchHandler, consume, type Consumer, type TransactionContext } from '../../src/index.ts'
import { laneOf } from '../../src/consumers/lane-hash.ts'
import { ConsumerRecorder } from '../support/consumer-recorder.ts'
import { recordEvents } from '../support/events.ts'
import { recordCommits } from '../support/follower.ts'
import { pass, settle } from '../support/passing.ts'
import { range } from '../support/reading.ts'
import { StoppableClock } from '../support/stoppable-clock.ts'
import { commit, setting } from '../support/writing.ts'

afterEach(() => vi.restoreAllMocks())

const LEASE_MS = 2_000

const plan = fc.record({
  lanes: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 1, max: 4 }),
  transaction: fc.boolean(),
  onFailure: fc.constantFrom('park' as const, 'parkKey' as const),
  /** Each so many-th change fails so often: with two attempts, it is retried, or parked. */
  failEvery: fc.integer({ min: 2, max: 9 }),
  failures: fc.integer({ min: 0, max: 3 }),
})
type Plan = typeof plan extends fc.Arbitrary<infer P> ? P : never

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), which: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('join' as const), which: fc.nat() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('leave' as const, 'kill' as const, 'stop' as const, 'go on' as const, 'replay' as const),
      which: fc.nat(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), which: fc.nat({ max: 2 * LEASE_MS }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), which: fc.nat() }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

interface Member {
  readonly clock: StoppableClock
  readonly consumer: Consumer
  /** Its handlers never return any more. */
  isKilled: boolean
}

class Fleet {
  readonly clock = new ManualClock()
  readonly back = createMemoryBack({ clock: this.clock })
  readonly rows = recordCommits(this.back)
  readonly recorder = new ConsumerRecorder(this.back, 'any', this.rows)
  readonly #plan: Plan
  readonly #failed = new Map<number, number>()
  #members: Member[] = []
  #dead: Member[] = []
  #written = 0

  constructor(given: Plan) {
    this.#plan = given
  }

  async perform({ kind, which }: Step): Promise<void> {
    const member = this.#members[which % Math.max(1, this.#members.length)]
    if (kind === 'write') await this.#write(which)
    else if (kind === 'pass') await pass(this.clock, which, 250)
    else if (kind === 'join' && this.#members.length < 3) await this.join()
    else if (kind === 'restart') {
      await this.#close(this.#members.splice(0))
      await this.join()
    } else if (member === undefined) return
    else if (kind === 'stop') member.clock.stop()
    else if (kind === 'go on') member.clock.goOn()
    else if (kind === 'leave') await this.#close(this.#members.splice(this.#members.indexOf(member), 1))
    else if (kind === 'replay') void member.consumer.replay().catch(() => {})
    else if (kind === 'kill') {
      member.clock.stop()
      member.isKilled = true
      this.#dead.push(...this.#members.splice(this.#members.indexOf(member), 1))
    }
  }

  async join(): Promise<void> {
    const { lanes, batch, transaction, onFailure } = this.#plan
    const clock = new StoppableClock(this.clock)
    const options = { from: 'start', prefix: 'n', attempts: 2, leaseMs: LEASE_MS, closeGraceMs: 500, clock } as const
    const handler: BatchHandler<unknown, TransactionContext> = async (changes, context) => {
      this.recorder.handled(context)
      await new Promise((resolve) => setImmediate(resolve))
      if (member.isKilled) await new Promise(() => {})
      for (const { seq } of changes) this.#fail(seq)
      for (const { key, seq } of transaction ? changes : []) context.tx.set(['done', key[1]!, seq], seq)
      this.recorder.handled(context, changes)
    }
    const all = { ...options, lanes, batch, onFailure, backoff: { minMs: 10, maxMs: 50 } }
    const consumer = await (transaction
      ? consume(this.back, 'any', { ...all, transaction }, handler)
      : consume(this.back, 'any', all, handler as BatchHandler))
    recordEvents(consumer)
    const member: Member = { clock, consumer, isKilled: false }
    this.#members.push(member)
  }

  /** Lets everybody who lives come to the end, and everybody leave. */
  async end(): Promise<void> {
    for (const { clock } of this.#members) clock.goOn()
    if (this.#members.length === 0) await this.join()
    let isOver = false
    const caughtUp = this.#members[0]!.consumer.caughtUp().then(() => (isOver = true))
    for (let waited = 0; !isOver; waited++) {
      expect(waited).toBeLessThan(500)
      await pass(this.clock, 500, 250)
    }
    await caughtUp
    await this.#close([...this.#members, ...this.#dead])
  }

  isOfLane(lane: number): (row: LogChange) => boolean {
    return ({ key }) => key.tuple[0] === 'n' && laneOf(key, this.#plan.lanes) === lane
  }

  async #write(keys: number): Promise<void> {
    const writes = range(1, keys).map((n) => setting(['n', (this.#written + n) % 7], n))
    this.#written += keys
    await commit(this.back, ...writes)
    await settle()
  }

  #fail(seq: number): void {
    const { failEvery, failures } = this.#plan
    const failed = this.#failed.get(seq) ?? 0
    if (seq % failEvery !== 0 || failed >= failures) return
    this.#failed.set(seq, failed + 1)
    throw new Error('now and then')
  }

  async #close(members: readonly Member[]): Promise<void> {
    const closed = Promise.all(
      members.map(({ clock, consumer }) => {
        clock.goOn()
        return consumer.close()
      }),
    )
    await pass(this.clock, 1_500, 250)
    await closed
  }
}

// By lanes, each a stream of its own that its owners follow one after the other, from the place that is stored. One of
// the six does not apply: a commit is not atomic to a consumer, whose lanes share it out by key, and whose batches end
// where they are full. Over all owners, unique is held to more than of a watch: what was once stored as dealt with is not
// dealt with again. That effects outside may be repeated before that is what at least once means, and not recorded here.
it('a consumer keeps what etcd promises of watches, in each of its lanes, whatever becomes of its members', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.array(step, { maxLength: 25 }), async (given, steps) => {
      const fleet = new Fleet(given)
      await fleet.join()
      for (const each of steps) await fleet.perform(each)
      await fleet.end()
      const lanes = range(0, given.lanes - 1)
      const histories = lanes.map((lane) => fleet.recorder.history(lane, fleet.isOfLane(lane)))
      const violations = validateStreams(histories, fleet.rows.map(eventOf))
      expect(violations.filter(({ rule }) => rule !== 'atomic')).toEqual([])
      for (const [lane, { sessions }] of histories.entries()) {
        const seqs = sessions.flatMap(({ batches }) => batches.flatMap(({ events }) => events.map(({ seq }) => seq)))
        expect(seqs).toEqual(fleet.rows.filter(fleet.isOfLane(lane)).map(({ seq }) => seq))
      }
    }),
    { numRuns: 60 },
  )
}, 120_000)
