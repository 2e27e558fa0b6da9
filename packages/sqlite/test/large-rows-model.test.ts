import {
  ALL_KEYS,
  type Codec,
  type Commit,
  type Entry,
  Payload,
  RENEWAL_START,
  type RenewalPlace,
  StoreKey,
  systemClock,
  type Write,
} from '@tidemark/core'
import type BetterSqlite3 from 'better-sqlite3'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SqliteBack } from '../src/index.ts'
import { openSqliteBack } from '../src/sqlite-back.ts'
import { capturedDriver } from './support/captured-driver.ts'
import { blind, deleteOf } from './support/writes.ts'

/** Writes text with as many spaces behind it as it is set to: what it has written before becomes larger, or smaller. */
class PaddingCodec implements Codec {
  readonly id = 200
  padding = 0

  encode(value: unknown): Uint8Array {
    return new TextEncoder().encode(`${String(value)}${' '.repeat(this.padding)}`)
  }

  decode(bytes: Uint8Array): unknown {
    return new TextDecoder().decode(bytes).trimEnd()
  }

  isCurrent(bytes: Uint8Array): boolean {
    const text = new TextDecoder().decode(bytes)
    return text.length - text.trimEnd().length === this.padding
  }
}

interface PlannedWrite {
  readonly key: string
  readonly op: 'set' | 'append' | 'delete'
  readonly length: number
  readonly metaLength: number | undefined
  readonly lives: number | undefined
}

type Step =
  /** Proposals of one turn, and so of one group, or of few. */
  | { readonly does: 'commit'; readonly commits: readonly (readonly PlannedWrite[])[] }
  | { readonly does: 'expire'; readonly limit: number }
  | { readonly does: 'clear' }
  | { readonly does: 'renew'; readonly padding: number; readonly limit: number }
  | { readonly does: 'compact'; readonly keepLatest: boolean }

const length = fc.oneof(
  fc.constantFrom(1, 20),
  fc.integer({ min: 930, max: 970 }),
  fc.constantFrom(1_500, 5_000, 40_000),
)

const write: fc.Arbitrary<PlannedWrite> = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  op: fc.constantFrom('set', 'set', 'set', 'append', 'delete'),
  length,
  metaLength: fc.option(length, { nil: undefined, freq: 2 }),
  lives: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined, freq: 2 }),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('commit' as const),
      commits: fc.array(fc.array(write, { maxLength: 4 }), { maxLength: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('expire' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('clear' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('renew' as const),
      padding: fc.constantFrom(0, 300, 2_000),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('compact' as const), keepLatest: fc.boolean() }) },
)

/** What the entries hold, by the ids of their keys. */
type Held = Map<string, Entry>

/** Runs steps, and knows what the entries then hold by what the commits say. */
class Run {
  now = 1_000
  readonly codec: PaddingCodec = new PaddingCodec()
  readonly held: Held = new Map()
  readonly #captured = capturedDriver()
  readonly back: SqliteBack = openSqliteBack(
    { file: ':memory:', clock: { ...systemClock, now: () => this.now }, codec: this.codec, maxGroup: 4 },
    { driver: this.#captured.driver },
  )
  #serial = 0

  get db(): BetterSqlite3.Database {
    return this.#captured.db()
  }

  async take(step: Step): Promise<void> {
    const { back } = this
    switch (step.does) {
      case 'commit': {
        const writes = step.commits.map((commit) => commit.map((each) => this.#write(each)))
        for (const commit of await Promise.all(writes.map((each) => back.commit(blind(...each))))) this.#saw(commit)
        return
      }
      case 'expire':
        this.#saw(await back.expire(step.limit))
        return
      case 'clear':
        this.#saw(await back.commit(blind(...[...this.held.values()].map(({ key }) => deleteOf(key.tuple)))))
        return
      case 'renew':
        this.codec.padding = step.padding
        for (let place: RenewalPlace | undefined = RENEWAL_START; place !== undefined;)
          place = (await back.renewal.renew(place, step.limit)).next
        return
      case 'compact':
        await back.compaction.compact({ upTo: await back.log.head(), limit: 1_000, keepLatest: step.keepLatest })
    }
  }

  #write({ key, op, length: valueLength, metaLength, lives }: PlannedWrite): Write {
    if (op === 'delete') return deleteOf(key)
    const text = (size: number): Payload => Payload.encode(this.codec, `${++this.#serial}`.padEnd(size, '.'))
    return {
      op: 'set',
      key: StoreKey.of(op === 'append' ? ['log', key] : key),
      payload: text(valueLength),
      meta: metaLength === undefined ? undefined : text(metaLength),
      expiresAt: lives === undefined ? undefined : this.now + lives,
      path: undefined,
      ...(op === 'append' && { stamped: true }),
    }
  }

  #saw({ changes }: Commit): void {
    for (const { op, key, seq, payload, meta, at, expiresAt } of changes)
      if (op === 'set') this.held.set(key.id, { key, version: seq, payload: payload!, meta, writtenAt: at, expiresAt })
      else this.held.delete(key.id)
  }
}

const shown = (entry: Entry | undefined): unknown =>
  entry && [entry.key.id, entry.version, entry.payload.read(), entry.meta?.read(), entry.expiresAt]

async function check({ back, db, held, now }: Run): Promise<void> {
  const versions = (sql: string): unknown => db.prepare(`${sql} ORDER BY version`).pluck().all()
  expect(versions('SELECT version FROM large_value')).toEqual(versions(`SELECT version FROM entry WHERE value = x''`))
  const tooLarge = 'length(key) + length(value) + ifnull(length(meta), 0) > 968'
  expect(versions(`SELECT version FROM entry WHERE ${tooLarge}`)).toEqual([])
  expect(versions(`SELECT version FROM entry WHERE value = x'' AND meta IS NOT NULL`)).toEqual([])

  const all = [...held.values()]
  const live = all.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now)
  const found = await back.read(all.map(({ key }) => key))
  expect(found.map(({ entry }) => shown(entry))).toEqual(
    all.map((entry) => (live.includes(entry) ? shown(entry) : undefined)),
  )
  for (const entry of live) expect(shown(back.readOne(entry.key).entry)).toEqual(shown(entry))
  const options = { after: undefined, limit: 100, reverse: false }
  const { entries } = await back.scan(ALL_KEYS, options)
  const byId = (list: readonly unknown[]): unknown =>
    list.toSorted((one, other) => (String(one) < String(other) ? -1 : 1))
  expect(byId(entries.map(shown))).toEqual(byId(live.map(shown)))
  const { keys } = await back.scanKeys(ALL_KEYS, options)
  expect(keys.map(({ key, version }) => [key.id, version])).toEqual(
    entries.map(({ key, version }) => [key.id, version]),
  )
}

test('whatever is written: what lies apart is what entries lack, and all of it reads as it was written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fc.integer({ min: 0, max: 20 })), { maxLength: 14 }), async (steps) => {
      const run = new Run()
      try {
        for (const [each, pause] of steps) {
          await run.take(each)
          await check(run)
          run.now += pause
        }
      } finally {
        await run.back.close()
      }
    }),
    { numRuns: 150 },
  )
})
