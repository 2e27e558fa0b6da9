import {
  assertKnown,
  type Back,
  between,
  callback,
  type Clock,
  clockOption,
  ClosedError,
  CorruptError,
  oneOf,
} from '@tidemark/core'
import { drawSeed } from '../random.ts'
import { type AnyStore, backIn, checkName } from '../store-option.ts'
import { wallTime } from '../wall-time.ts'
import { fixed } from './arguments.ts'
import { isDamage } from './damage.ts'
import { type Dropped, putAside } from './dropped.ts'
import { JournalHead } from './journal-head.ts'
import { recordsOf } from './journal-keys.ts'
import { newestSnapshot } from './last-number.ts'
import type { RecordBehind } from './journal-reader.ts'
import { JournalView } from './journal-view.ts'
import { JournalWriter } from './journal-writer.ts'
import { transactionsIn } from './record.ts'
import { WriterLease } from './writer-lease.ts'

export interface JournalOptions {
  readonly store: AnyStore
  /** Of this journal in its store. */
  readonly name: string
  /** For how long a process that was killed keeps others from writing, 10 to 600,000 ms. @default 5000 */
  readonly leaseMs?: number | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** From 0 to below 1: seeds the random numbers of each transaction. @default Math.random */
  readonly random?: (() => number) | undefined
  /**
   * What becomes of records at the end that cannot be read. `damaged`: only what is damaged, whoever reads it, is put aside;
   * everything else is an error, and changes nothing. `last-good`: so is what may be whole, and what is missing is done without.
   * @default 'damaged'
   */
  readonly recover?: 'damaged' | 'last-good' | undefined
}

/** A journal on its own: what was done is recorded, and can be done again, here or elsewhere. One process at a time writes. */
export class Journal extends JournalView implements AsyncDisposable {
  /** What could not be read at the end of the journal when it was opened. */
  readonly dropped: readonly Dropped[]
  readonly #back: Back
  readonly #name: string
  readonly #clock: Clock
  readonly #random: () => number
  readonly #lease: WriterLease
  readonly #writer: JournalWriter<undefined>
  #at: number
  #closing: Promise<void> | undefined

  constructor({ back, name, clock, random }: ResolvedOptions, lease: WriterLease, { last, at, dropped, head }: Tail) {
    super(back, name)
    this.dropped = dropped
    this.#back = back
    this.#name = name
    this.#clock = clock
    this.#random = random
    this.#lease = lease
    this.#at = at
    const follower = { groupEnded: () => undefined, committed: () => {}, rolledBack: () => {} }
    this.#writer = new JournalWriter({ back, name, lease, head, last, follower })
  }

  /**
   * Records that something is done. Resolves with its number when that is durable.
   * @throws TypeError or RangeError for what is no name; TidemarkError UNENCODABLE, DISK_FULL, READ_ONLY, BUSY, LEASE_LOST, IO;
   * ClosedError
   */
  record(name: string, ...args: readonly unknown[]): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) throw new ClosedError(`the journal ${this.#name}`)
      checkName(name)
      const recorded = fixed(args, this.#back.codec)
      const seed = drawSeed(this.#random)
      let number = 0
      this.#writer.append({
        byteLength: name.length + recorded.byteLength,
        attempt: (next) => {
          number = next
          this.#at = Math.max(this.#at, wallTime(this.#clock))
          return { number, name, args: recorded.read(), at: this.#at, seed, check: undefined }
        },
        resolve: () => resolve(number),
        reject,
      })
    })
  }

  /** Lets what is under way finish. The store stays open. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#writer.close().then(() => this.#lease.release()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * @throws TypeError or RangeError for a wrong option; TidemarkError ANOTHER_WRITER; CorruptError for a last record that may be
 * whole, and cannot be read here, and for one that is not there any more; what the store fails with
 */
export async function journal(options: JournalOptions): Promise<Journal> {
  const resolved = resolveOptions(options)
  const lease = await WriterLease.take(resolved)
  try {
    return new Journal(resolved, lease, await tailOf(resolved, lease))
  } catch (error) {
    await lease.release()
    throw error
  }
}

interface Tail {
  readonly last: number
  readonly at: number
  readonly dropped: readonly Dropped[]
  readonly head: JournalHead
}

/** Where it ends: behind the last record that is whole. */
async function tailOf(options: ResolvedOptions, writer: WriterLease): Promise<Tail> {
  const { back, name, recover } = options
  const head = await JournalHead.read(back, name, recover)
  writer.retakeIf(() => head.isUntouched())
  const unusable: RecordBehind[] = []
  let reason = ''
  let found: { last: number; at: number } | undefined
  while (found === undefined) {
    const after = unusable[0]?.entry.key
    const { entries } = await back.scan(recordsOf(name), { after, limit: 1, reverse: true })
    const [entry] = entries
    try {
      const last = entry && transactionsIn(entry.payload, entry.key.tuple.at(-1) as number).at(-1)!
      found = { last: Math.max(await newestSnapshot(back, name), last?.number ?? 0), at: last?.at ?? 0 }
    } catch (error) {
      if (!isDamage(error) && !(recover === 'last-good' && error instanceof CorruptError)) throw error
      reason = error.message
      unusable.unshift({ entry: entry!, kept: [] })
    }
  }
  const { last } = found
  if (unusable.length === 0 && recover !== 'last-good') head.assertReached(last)
  await writer.ensure()
  const dropped = await putAside({ ...options, writer, head }, unusable, { last, reason })
  await head.establish(last, writer)
  return { ...found, dropped, head }
}

interface ResolvedOptions {
  readonly back: Back
  readonly name: string
  readonly leaseMs: number
  readonly clock: Clock
  readonly random: () => number
  readonly recover: 'damaged' | 'last-good'
}

function resolveOptions(options: JournalOptions): ResolvedOptions {
  assertKnown(options, ['store', 'name', 'leaseMs', 'clock', 'random', 'recover'] satisfies (keyof JournalOptions)[])
  return Object.freeze({
    back: backIn(options.store),
    name: checkName(options.name),
    leaseMs: between('option leaseMs', options.leaseMs ?? 5_000, 10, 600_000),
    clock: clockOption(options.clock),
    random: callback('option random', options.random ?? Math.random),
    recover: oneOf('option recover', options.recover ?? 'damaged', ['damaged', 'last-good']),
  })
}
