import { createMemoryBack, type MemoryBack, Store } from '@tidemark/core'
import { eventOf, type StreamEvent, StreamRecorder, validateStreams } from '@tidemark/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ChangeBatch,
  type ChangeFilter,
  changes,
  type ChangesOptions,
  decodeToken,
  type FollowStep,
  sharedLog,
} from '../../src/index.ts'
import { recordCommits } from '../support/follower.ts'

const key = fc.integer({ min: 0, max: 9 }).map((n) => [n % 2 === 0 ? 'even' : 'odd', n])
const write = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('set' as const), keys: fc.array(key, { minLength: 1, maxLength: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('delete' as const), keys: fc.array(key, { minLength: 1, maxLength: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('invalidate' as const), keys: fc.constant([]) }) },
)
type GeneratedWrite = typeof write extends fc.Arbitrary<infer W> ? W : never

const subscriber = fc.record({
  from: fc.constantFrom('start' as const, 'now' as const),
  filter: fc.constantFrom<ChangeFilter>(
    {},
    { prefix: 'even' },
    { ops: ['delete', 'invalidate-tag'] },
    { prefix: 'odd', ops: ['set'] },
  ),
  batch: fc.integer({ min: 1, max: 6 }),
  bookmarks: fc.boolean(),
  onCompacted: fc.constantFrom('latest' as const, 'snapshot' as const),
  shared: fc.boolean(),
})
type GeneratedSubscriber = typeof subscriber extends fc.Arbitrary<infer S> ? S : never

/** One thing that happens next: a write, or a subscriber's pull, or its death. */
const event = fc.oneof(
  { weight: 5, arbitrary: write },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('pull' as const), who: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('die' as const), who: fc.nat(3), stored: fc.boolean() }) },
)

function perform(store: Store, each: GeneratedWrite, value: number): Promise<unknown> {
  if (each.do === 'set') return store.setMany(each.keys.map((k) => [k, value]))
  return each.do === 'delete' ? store.deleteMany(each.keys) : store.invalidateTag('t')
}

function wantedBy({ prefix, ops }: ChangeFilter): (event: StreamEvent) => boolean {
  return (each) =>
    (prefix === undefined || each.key.startsWith(`${String(prefix)}:`)) &&
    (ops === undefined || ops.some((op) => op === each.op))
}

/** A subscriber that stores its tokens, or loses the last one, and dies and comes back. */
class Subscriber {
  readonly recorder: StreamRecorder
  readonly #back: MemoryBack
  readonly #log: MemoryBack['log']
  readonly #plan: GeneratedSubscriber
  #stream: AsyncIterator<FollowStep> | undefined
  #pending: Promise<IteratorResult<FollowStep>> | undefined
  /** Tokens in the order they came; the last one may not have been stored yet. */
  readonly #tokens: string[] = []

  constructor(name: string, back: MemoryBack, log: MemoryBack['log'], plan: GeneratedSubscriber) {
    this.#back = back
    this.#log = plan.shared ? log : back.log
    this.#plan = plan
    // Who may be shown a snapshot gets invalidations whatever its prefix is.
    const wanted = wantedBy(plan.filter)
    const { ops } = plan.filter
    const tags = plan.onCompacted === 'snapshot' && (ops === undefined || ops.includes('invalidate-tag'))
    this.recorder = new StreamRecorder({
      subscriber: name,
      positionOf: (token) => decodeToken(token).seq,
      isWanted: (each) => wanted(each) || (tags && each.op === 'invalidate-tag'),
    })
  }

  /** Takes the next step, if there is one by the time that all that can run has run. */
  async pull(): Promise<boolean> {
    this.#stream ??= this.#start()
    this.#pending ??= this.#stream.next()
    const result = await Promise.race([this.#pending, quiet()])
    if (result === undefined) return false
    this.#pending = undefined
    this.#take(result.value as FollowStep)
    return true
  }

  async die(stored: boolean): Promise<void> {
    await this.#stream?.return!()
    this.#stream = this.#pending = undefined
    // The last one was not stored: what came with it comes again.
    if (!stored && this.#tokens.length > 1) this.#tokens.pop()
  }

  #start(): AsyncIterator<FollowStep> {
    const { filter, batch, bookmarks, onCompacted, from } = this.#plan
    const after = this.#tokens.at(-1)
    const options: ChangesOptions = { ...filter, batch, from, after, bookmarks: bookmarks || after === undefined }
    if (after !== undefined) this.recorder.start(after)
    const source: AsyncIterable<FollowStep> =
      onCompacted === 'snapshot'
        ? changes(this.#log, { ...options, onCompacted, back: this.#back })
        : changes(this.#log, { ...options, onCompacted })
    return source[Symbol.asyncIterator]()
  }

  #take(step: FollowStep): void {
    if (step.kind === 'ready') this.#begin(step.token, 'anew')
    else if (step.kind === 'changes') this.#takeBatch(step)
  }

  #takeBatch(batch: ChangeBatch): void {
    if (batch.skipped !== undefined) return this.#begin(batch.token, 'anew')
    // The first bookmark says where it is.
    if (this.#tokens.length === 0) return this.#begin(batch.token)
    this.recorder.batch(batch)
    this.#tokens.push(batch.token)
  }

  #begin(token: string, how?: 'anew'): void {
    this.recorder.start(token, how)
    this.#tokens.push(token)
  }
}

/** Long enough for a stream that has something to give it. */
async function quiet(): Promise<undefined> {
  for (let i = 0; i < 12; i++) await new Promise(setImmediate)
  return undefined
}

describe('streams', () => {
  it('keep what etcd promises of watches, whatever is written, compacted, stopped and resumed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(subscriber, { minLength: 1, maxLength: 4 }),
        fc.array(event, { maxLength: 50 }),
        fc.constantFrom(6, 15, 1000),
        async (plans, events, maxLogChanges) => {
          const back = createMemoryBack({ maxLogChanges })
          const store = new Store(back)
          const rows = recordCommits(back)
          const shared = sharedLog(back.log, { maxChanges: 10 }) as MemoryBack['log']
          const subscribers = plans.map((plan, i) => new Subscriber(`s${i}`, back, shared, plan))
          let value = 0
          for (const each of events) {
            if (each.do === 'pull') await subscribers[each.who]?.pull()
            else if (each.do === 'die') await subscribers[each.who]?.die(each.stored)
            else await perform(store, each, value++)
          }
          for (const each of subscribers) while (await each.pull());
          // A last change of every kind, so that everybody gets one.
          await store.setMany([
            [['even', 0], 1],
            [['odd', 1], 1],
          ])
          await store.deleteMany([
            ['even', 0],
            ['odd', 1],
          ])
          for (const each of subscribers) while (await each.pull());
          const log = rows.map(eventOf)
          const histories = subscribers.map(({ recorder }) => recorder.history(log.length - 3))
          expect(validateStreams(histories, log)).toEqual([])
          await Promise.all(subscribers.map((each) => each.die(true)))
        },
      ),
      { numRuns: 200 },
    )
  })
})
