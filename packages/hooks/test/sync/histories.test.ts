import { type Back, type Commit, createMemoryBack, type LogChange, type MarkWrite, type Marks } from '@tidemark/core'
import { eventOf, type SeenBatch, type StreamHistory, StreamRecorder, validateStreams } from '@tidemark/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeToken, follow, sync, type Sync, type SyncOptions, type SyncTarget } from '../../src/index.ts'
import { type Checkpoint, decodeCheckpoint } from '../../src/sync/checkpoint.ts'
import { checkpointKey } from '../../src/sync/sync-keys.ts'
import { contentOf } from '../support/content.ts'
import { Follower, recordCommits } from '../support/follower.ts'
import { commit, deleting, setting } from '../support/writing.ts'

const key = fc.nat(9).map((n) => ['k', n] as const)
const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 4, selector: ([, n]) => n })
const step = fc.record({
  turns: fc.nat(6),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), keys }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), keys }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('compact' as const), back: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'start' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restart-follower' as const) }) },
  ),
})

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

type Session = { after: number; isAnew: boolean; batches: SeenBatch[] }

/**
 * What a sync was given, as what it makes of it in the target says: once everything was copied, each commit there is a batch,
 * and the place that is stored with it is its token.
 */
class SyncAsSubscriber {
  readonly #to: Back
  readonly #rows: readonly LogChange[]
  readonly #sessions: Session[] = []
  #place: Checkpoint | undefined

  constructor(to: Back, rows: readonly LogChange[]) {
    this.#to = to
    this.#rows = rows
  }

  /** The target, watched. */
  get target(): SyncTarget {
    const { log, leases, codec, marks } = this.#to
    const watched: Marks = {
      read: (keys) => marks.read(keys),
      scan: (range, page) => marks.scan(range, page),
      write: async (writes, options) => {
        await marks.write(writes, options)
        this.#moved(writes, [])
      },
    }
    return {
      log,
      leases,
      codec,
      marks: watched,
      scan: this.#to.scan.bind(this.#to),
      read: this.#to.read.bind(this.#to),
      commit: async (proposal): Promise<Commit> => {
        let written: readonly MarkWrite[] = []
        const marksOf = proposal.marks as (changes: readonly LogChange[]) => readonly MarkWrite[]
        const made = await this.#to.commit({ ...proposal, marks: (changes) => (written = marksOf(changes)) })
        this.#moved(written, made.changes)
        return made
      },
    }
  }

  /** It is started again, from where it stood. */
  start(): void {
    if (this.#place !== undefined && this.#place.snapshot === undefined) this.#begin(this.#place.seq, false)
  }

  history(followedTo: number): StreamHistory {
    return { subscriber: 'sync', isWanted: () => true, sessions: this.#sessions, followedTo }
  }

  #begin(after: number, isAnew: boolean): void {
    this.#sessions.push({ after, isAnew, batches: [] })
  }

  #moved(writes: readonly MarkWrite[], changes: readonly LogChange[]): void {
    const id = checkpointKey('s').id
    const mark = writes.find((write) => write.key.id === id)
    if (mark?.value === undefined) return
    const was = this.#place
    this.#place = decodeCheckpoint(mark.key, mark.value)
    const { snapshot, seq } = this.#place
    if (snapshot !== undefined) return
    if (was === undefined || was.snapshot !== undefined) return this.#begin(seq, true)
    const events = changes.map(({ op, key: { id: changed }, source }) => {
      const { first, last } = this.#rows[source!.seq - 1]!
      return { seq: source!.seq, first, last, key: changed, op }
    })
    this.#sessions.at(-1)!.batches.push({ events, position: seq })
  }
}

/** Follows the target, with what it holds of it and what it was given. */
class TargetFollower {
  readonly recorder = new StreamRecorder({ subscriber: 'follower', positionOf: (token) => decodeToken(token).seq })
  readonly #to: Back
  #view = new Follower()
  #stop = new AbortController()
  #work: Promise<void>

  constructor(to: Back) {
    this.#to = to
    this.#work = this.#run()
  }

  get position(): number {
    return this.#view.position ?? -1
  }

  get content(): Map<string, unknown> {
    return new Map(Array.from(this.#view.state, ([id, { value }]) => [id, value]))
  }

  async restart(): Promise<void> {
    await this.end()
    this.#stop = new AbortController()
    this.#view = new Follower()
    this.#work = this.#run()
  }

  async end(): Promise<void> {
    this.#stop.abort()
    await this.#work
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    const view = this.#view
    try {
      for await (const each of follow(this.#to, { signal, batch: 4, onCompacted: 'snapshot' })) {
        view.apply(each)
        if (each.kind === 'ready') this.recorder.start(each.token, 'anew')
        else if (each.kind === 'changes') this.recorder.batch(each)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

function valuesOf(content: ReadonlyMap<string, unknown>): Map<string, unknown> {
  return new Map(Array.from(content, ([id, held]) => [id, (held as { value: unknown }).value]))
}

describe('a sync', () => {
  it.each(['version', 'lastWriter'] as const)(
    'keeps what etcd promises of watches, and so does who follows its target (%s)',
    async (policy) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(keys, { maxLength: 8 }),
          fc.array(step, { maxLength: 40 }),
          fc.integer({ min: 1, max: 6 }),
          async (before, steps, batch) => {
            const [from, to] = [createMemoryBack(), createMemoryBack()]
            const [sourceRows, targetRows] = [recordCommits(from), recordCommits(to)]
            const options: SyncOptions = { name: 's', batch, conflict: { policy } }
            const subscriber = new SyncAsSubscriber(to, sourceRows)
            const follower = new TargetFollower(to)
            let value = 0
            const set = (...all: readonly (readonly (string | number)[])[]) =>
              commit(from, ...all.map((each) => setting([...each], value++)))
            for (const each of before) await set(...each)
            let running: Sync | undefined
            const begin = (): void => {
              if (running !== undefined) return
              subscriber.start()
              running = sync(from, subscriber.target, options)
              running.events$.subscribe((event) => expect(event.kind).toBe('restart'))
            }
            const end = async (): Promise<void> => {
              await running?.close()
              running = undefined
            }
            begin()
            for (const { turns: count, what } of steps) {
              if (what.do === 'set') await set(...what.keys)
              else if (what.do === 'delete') await commit(from, ...what.keys.map((each) => deleting([...each])))
              else if (what.do === 'start') begin()
              else if (what.do === 'stop') await end()
              else if (what.do === 'restart-follower') await follower.restart()
              else if (what.do === 'compact') {
                const store = what.back === 0 ? to : from
                await store.compaction.compact({ upTo: await store.log.head(), limit: 100 })
              }
              await turns(count)
            }
            begin()
            await running!.caughtUp()
            await set(['last'])
            await running!.caughtUp()
            while (follower.position < (await to.log.head())) await turns(1)
            await end()
            await follower.end()
            const log = sourceRows.map(eventOf)
            expect(validateStreams([subscriber.history(log.length)], log)).toEqual([])
            const made = targetRows.map(eventOf)
            expect(validateStreams([follower.recorder.history(made.length)], made)).toEqual([])
            const held = valuesOf(await contentOf(from))
            expect(valuesOf(await contentOf(to))).toEqual(held)
            expect(follower.content).toEqual(held)
          },
        ),
        { numRuns: 150 },
      )
    },
  )
})
