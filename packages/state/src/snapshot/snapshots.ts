import {
  afterTurn,
  type Back,
  CorruptError,
  type MarkWrite,
  Payload,
  type StoreKey,
  type TidemarkError,
} from '@tidemark/core'
import { partKey, partsOf, snapshotKey, snapshotsOf, uncleanKey } from '../journal/journal-keys.ts'
import type { WriterLease } from '../journal/writer-lease.ts'
import type { Settled } from '../prevalent/transaction.ts'
import { StateHash } from '../draft/state-hash.ts'
import { Assembly, type Run, RUN_WEIGHT, runsOf } from './runs.ts'

/** A state, and after which transaction it is. */
export interface StateAt extends Settled {
  /** The number of the last transaction in it. */
  readonly number: number
  /** The time of that. */
  readonly at: number
}

/** What is stored beside the parts, when they are all there; in a bundle, for its checksum. Stored: never change it. */
interface StoredHead {
  readonly number: number
  readonly at: number
  readonly hash: readonly [lo: number, hi: number]
  /** How many there are. */
  readonly parts: number
}

const PAGE = 16

export interface SnapshotsOptions {
  readonly back: Back
  readonly name: string
  readonly keep: number
}

/**
 * The snapshots of a prevalent system. They are marks: derived from the journal, and of no interest to any reader or
 * subscriber of the store. A snapshot is there when its head is, which is written last.
 */
export class Snapshots {
  readonly #options: SnapshotsOptions
  /** Those that could not be read here. What may be whole stays for others, and nothing here relies on it. */
  readonly #unreadable = new Set<number>()

  constructor(options: SnapshotsOptions) {
    this.#options = options
  }

  /** The numbers of those that are there, oldest first. */
  async numbers(): Promise<readonly number[]> {
    const { back, name } = this.#options
    const heads = await back.marks.scan(snapshotsOf(name), { after: undefined, limit: 1_000 })
    return heads.map(({ key }) => key.tuple.at(-1) as number)
  }

  /** Not locked yet. @throws CorruptError when it is not what was written, whole */
  async load(number: number): Promise<StateAt> {
    try {
      return await this.#load(number)
    } catch (error) {
      if (error instanceof CorruptError) this.#unreadable.add(number)
      throw error
    }
  }

  async #load(number: number): Promise<StateAt> {
    const { back, name } = this.#options
    const [payload] = await back.marks.read([snapshotKey(name, number)])
    if (payload === undefined) throw new CorruptError(`the snapshot after transaction ${number} of ${name} is gone`)
    const head = headIn(payload)
    if (head.number !== number) throw new CorruptError(`the snapshot after transaction ${number} of ${name} is another`)
    const assembly = new Assembly()
    let part = 0
    let after: StoreKey | undefined
    while (part < head.parts) {
      const page = await back.marks.scan(partsOf(name, number), { after, limit: PAGE })
      for (const mark of page) {
        const [runs] = mark.value.carried
        if (runs === undefined || mark.key.tuple.at(-1) !== part) throw damagedPart(name, number, part)
        for (const run of decoded(Payload.fromEnvelope(back.codec, runs)) as readonly Run[]) assembly.add(run)
        part++
      }
      after = page.at(-1)?.key
      if (page.length < PAGE) break
      // Timers have their turn: the lease has to be renewed, however long it all takes.
      await new Promise<void>((resolve) => afterTurn(resolve))
    }
    if (part !== head.parts) throw damagedPart(name, number, part)
    const [lo, hi] = head.hash
    return { root: assembly.root, hash: new StateHash({ lo, hi }), number, at: head.at }
  }

  /**
   * Writes one, a part at a time: between two of them, others have their turn. To be called by who has claimed the journal's
   * head, as what is removed here is: a lease that was lost in the middle is then had again only when nobody else has changed
   * anything of it. Older ones than are kept go with the commit of its head, and their parts afterwards. One that could not be
   * read here is none of those that are kept, and not replaced: where it is of this very state, nothing is done.
   * @param replaced damaged ones, whose place it takes
   * @returns the number of the oldest one that is kept: the journal is needed from there on
   */
  async take(state: StateAt, writer: WriterLease, replaced: readonly number[] = []): Promise<number> {
    const { back, name, keep } = this.#options
    const { number, at, hash } = state
    await this.collect(writer)
    const there = (await this.numbers()).filter((other) => !replaced.includes(other))
    const older = there.filter((other) => other < number && !this.#unreadable.has(other))
    if (there.includes(number) && this.#unreadable.has(number)) return older.slice(-keep)[0] ?? 0
    const oldest = (keep === 1 ? undefined : older.slice(1 - keep)[0]) ?? number
    if (there.includes(number)) return oldest
    if (replaced.includes(number)) await this.#removeParts(number, writer)
    let count = 0
    for (const runs of parts(state.root)) {
      // For its checksum: a state is put together of all parts, and what is wrong in one would be in every state after it.
      const value = Payload.bundle(back.codec, null, [Payload.encode(back.codec, runs).envelope])
      const unclean: MarkWrite = { key: uncleanKey(name), value: Payload.encode(back.codec, true) }
      const part: MarkWrite = { key: partKey(name, number, count), value }
      await this.#write(count === 0 ? [unclean, part] : [part], writer)
      count++
      await new Promise<void>((resolve) => afterTurn(resolve))
    }
    const head: StoredHead = { number, at, hash: [hash.lo, hash.hi], parts: count }
    const gone = [...there.filter((other) => other < oldest), ...replaced.filter((other) => other !== number)]
    await this.#write(
      [
        { key: snapshotKey(name, number), value: Payload.bundle(back.codec, head, []) },
        ...gone.map((other): MarkWrite => ({ key: snapshotKey(name, other), value: undefined })),
        ...(gone.length === 0 ? [{ key: uncleanKey(name), value: undefined }] : []),
      ],
      writer,
    )
    this.#unreadable.delete(number)
    if (gone.length > 0) await this.collect(writer)
    return oldest
  }

  /** Those that are damaged: a new one is to take their place. */
  async drop(numbers: readonly number[], writer: WriterLease): Promise<void> {
    const { back, name } = this.#options
    await this.#write(
      [
        { key: uncleanKey(name), value: Payload.encode(back.codec, true) },
        ...numbers.map((number): MarkWrite => ({ key: snapshotKey(name, number), value: undefined })),
      ],
      writer,
    )
    await this.collect(writer)
  }

  /** Whether there may be parts of which there is no head. */
  async isUnclean(): Promise<boolean> {
    const { back, name } = this.#options
    const [unclean] = await back.marks.read([uncleanKey(name)])
    return unclean !== undefined
  }

  /** Removes the parts of which there is no head, if there are any: of removed snapshots, and of never completed ones. */
  async collect(writer: WriterLease): Promise<void> {
    const { back, name } = this.#options
    if (!(await this.isUnclean())) return
    const complete = new Set(await this.numbers())
    let after: StoreKey | undefined
    for (;;) {
      const page = await back.marks.scan(partsOf(name), { after, limit: PAGE })
      const orphans = page.filter(({ key }) => !complete.has(key.tuple.at(-2) as number))
      const writes = orphans.map(({ key }): MarkWrite => ({ key, value: undefined }))
      if (page.length < PAGE) writes.push({ key: uncleanKey(name), value: undefined })
      if (writes.length > 0) await this.#write(writes, writer)
      if (page.length < PAGE) return
      after = page.at(-1)!.key
      await new Promise<void>((resolve) => afterTurn(resolve))
    }
  }

  /** It may have had more of them than the one that takes its place. */
  async #removeParts(number: number, writer: WriterLease): Promise<void> {
    const { back, name } = this.#options
    for (;;) {
      const page = await back.marks.scan(partsOf(name, number), { after: undefined, limit: PAGE })
      if (page.length === 0) return
      await this.#write(
        page.map(({ key }): MarkWrite => ({ key, value: undefined })),
        writer,
      )
    }
  }

  async #write(writes: readonly MarkWrite[], writer: WriterLease): Promise<void> {
    await writer.use((lease) => this.#options.back.marks.write(writes, { lease }))
  }
}

/** Runs, as many as are encoded in one turn. */
function* parts(root: unknown): Generator<readonly Run[]> {
  let runs: Run[] = []
  let weight = 0
  for (const made of runsOf(root)) {
    runs.push(made.run)
    weight += made.weight
    if (weight < RUN_WEIGHT) continue
    yield runs
    runs = []
    weight = 0
  }
  if (runs.length > 0) yield runs
}

/** @throws CorruptError */
function headIn(payload: Payload): StoredHead {
  if (!payload.isIntact) {
    // What says that it may be whole comes first: it is encrypted with another key, or of a later release.
    payload.decode()
    throw new CorruptError('the head of a snapshot is not what was written')
  }
  return decoded(payload) as StoredHead
}

/** Of which the checksum is right. @throws CorruptError, which `mayBeWhole` */
function decoded(payload: Payload): unknown {
  try {
    return payload.decode()
  } catch (cause) {
    if (!(cause instanceof CorruptError)) throw cause
    throw new CorruptError(`a snapshot cannot be read here: ${cause.message}`, { cause, mayBeWhole: true })
  }
}

function damagedPart(name: string, number: number, part: number): TidemarkError {
  return new CorruptError(`part ${part} of the snapshot after transaction ${number} of ${name} is missing or damaged`)
}
