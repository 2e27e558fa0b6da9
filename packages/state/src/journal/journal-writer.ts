import {
  type Back,
  ClosedError,
  type Commit,
  type Lease,
  type Payload,
  type ReadOptions,
  type SetWrite,
  TidemarkError,
} from '@tidemark/core'
import { durably } from '../durably.ts'
import { type Intent, JournalGroup } from './journal-group.ts'
import type { JournalHead } from './journal-head.ts'
import { recordKey } from './journal-keys.ts'
import { toPayload } from './record.ts'
import type { WriterLease } from './writer-lease.ts'

/** What follows the journal, in memory. */
export interface Follower<M> {
  /** No further transaction comes into the group. @returns what tells the state after it */
  groupEnded(): M
  /** The group is durable. */
  committed(mark: M): void
  /** What was attempted since the last durable group is void. */
  rolledBack(): void
}

export interface JournalWriterOptions<M> {
  readonly back: Back
  readonly name: string
  readonly lease: WriterLease
  readonly head: JournalHead
  /** The number of the last transaction in the journal. */
  readonly last: number
  readonly follower: Follower<M>
}

/** Errors after which it is certain that nothing was written. */
const CERTAIN: readonly unknown[] = ['CLOSED', 'LEASE_LOST', 'BUSY', 'READ_ONLY', 'DISK_FULL', 'UNENCODABLE']

/**
 * Appends transactions to a journal. Those of one turn of the event loop, and those that come while a commit is under way,
 * share one record and one commit, up to a bound. Only one commit is under way at a time: what follows a failed one must not
 * be in the journal.
 */
export class JournalWriter<M> {
  readonly #options: JournalWriterOptions<M>
  /** The last group of those that were attempted; another one may be under way before it. */
  #open: JournalGroup<M>
  #underWay: Promise<void> | undefined
  /** The commit under way. Never rejects. */
  #step: Promise<void> | undefined
  /** Of which it is not known whether it was written. */
  #doubtful: JournalGroup<M> | undefined
  /** What comes after all that were attempted, in the order of the calls. */
  #waiting: Intent[] = []
  /** So many of those have a record each: together they could not be written. */
  #alone = 0
  #isClosed = false

  constructor(options: JournalWriterOptions<M>) {
    this.#options = options
    this.#open = new JournalGroup(options.last)
  }

  append(intent: Intent): void {
    if (this.#isClosed) return intent.reject(new ClosedError(`the journal ${this.#options.name}`))
    this.#waiting.push(intent)
    this.#admit()
    if (this.#hasWork) this.#underWay ??= this.#run()
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#underWay !== undefined) await this.#underWay
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.idle()
  }

  /**
   * To be called before anything but the journal is changed: whoever was stopped while he did that learns that he is not to go
   * on, and so does this writer of whoever comes after him.
   * @throws TidemarkError LEASE_LOST; what the store fails with
   */
  async claim(): Promise<void> {
    const { head } = this.#options
    // Not until nothing is under way, which may never be: the first commit is as good.
    while (!head.isOwn && this.#underWay !== undefined) await this.#step
    if (head.isOwn) return
    // No commit meanwhile, from the very beginning: that changes the head as well.
    const claimed = Promise.resolve().then(() => this.#claim())
    const run = (): Promise<void> => this.#run()
    this.#underWay = this.#step = claimed.then(run, run)
    await claimed
  }

  async #claim(): Promise<void> {
    const { head, lease } = this.#options
    if (this.#doubtful !== undefined) await this.#resolveDoubt(this.#doubtful)
    if (!head.isOwn) await head.claim(this.#last, lease)
  }

  /** The number of the last transaction in the journal, when nothing is under way. */
  get #last(): number {
    return this.#open.first - 1 + (this.#open.mark === undefined ? 0 : this.#open.members.length)
  }

  /** Attempts as many of those that wait as there is room for. While there is a doubt, there is no state to do that over. */
  #admit(): void {
    if (this.#doubtful !== undefined) return
    let admitted = 0
    for (const intent of this.#waiting) {
      if (this.#open.mark !== undefined) this.#open = new JournalGroup(this.#open.last, this.#alone > 0)
      if (!this.#open.hasRoomFor(intent)) break
      admitted++
      if (this.#alone > 0) this.#alone--
      try {
        this.#open.attempt(intent)
      } catch (error) {
        intent.reject(error)
      }
    }
    this.#waiting.splice(0, admitted)
  }

  get #hasWork(): boolean {
    return this.#waiting.length > 0 || (this.#open.members.length > 0 && this.#open.mark === undefined)
  }

  /** Commits one group after the other until there is none. Never rejects. */
  async #run(): Promise<void> {
    while (this.#hasWork) {
      if (this.#doubtful !== undefined) await (this.#step = this.#resolveDoubt(this.#doubtful))
      else {
        this.#admit()
        if (this.#open.members.length > 0 && this.#open.mark === undefined)
          await (this.#step = this.#commit(this.#open))
      }
    }
    this.#underWay = undefined
  }

  async #commit(group: JournalGroup<M>): Promise<void> {
    try {
      await this.#write(group)
    } catch (error) {
      if (!(await this.#wasWrittenAllTheSame(group, error))) return this.#fail(group, error)
    }
    this.#succeed(group)
  }

  /**
   * Where this waits, anybody may write who takes the lease. It is refused then, and tried once more only under a lease under
   * which it was seen that nobody has; a lease that has ended is never held again.
   */
  #write(group: JournalGroup<M>): Promise<Commit> {
    return this.#options.lease.use((lease) => this.#commitOf(group, lease))
  }

  #commitOf(group: JournalGroup<M>, lease: Lease): Promise<Commit> {
    const { back, name } = this.#options
    return back.commit(
      {
        reads: [recordKey(name, group.first)],
        lease,
        keepLease: true,
        // As late as it can be: until then, others join. Always the same, however often it is asked.
        decide: ([there]) => {
          const write = this.#end(group)
          if (there === undefined) return [write]
          // An attempt whose answer was lost; or whatever it is: nothing is ever written over it.
          if (!areSameRecords(there.payload, write.payload)) throw occupied(name, group.first)
          return []
        },
        marks: () => [group.head!],
      },
      durably(back),
    )
  }

  #end(group: JournalGroup<M>): SetWrite {
    group.mark ??= { mark: this.#options.follower.groupEnded() }
    group.head ??= this.#options.head.write(group.last)
    return (group.write ??= {
      op: 'set',
      key: recordKey(this.#options.name, group.first),
      payload: toPayload(
        this.#options.back.codec,
        group.members.map(({ transaction }) => transaction),
      ),
      expiresAt: undefined,
      meta: undefined,
      path: undefined,
    })
  }

  #succeed(group: JournalGroup<M>): void {
    this.#options.head.written()
    this.#options.follower.committed(group.mark!.mark)
    for (const { intent } of group.members) intent.resolve()
  }

  /** What came after it was attempted over a state that will never be: it is attempted again over the one that is. */
  #fail(group: JournalGroup<M>, error: unknown): void {
    const later = this.#open === group ? [] : this.#open.members
    // It is one of them, or all of them together, that cannot be written: the others are not to fail with it.
    const areApart = group.members.length > 1 && error instanceof TidemarkError && error.code === 'UNENCODABLE'
    if (areApart) this.#alone = group.members.length
    else for (const { intent } of group.members) intent.reject(error)
    if (this.#doubtful === undefined) this.#options.head.notWritten()
    this.#options.follower.rolledBack()
    this.#open = new JournalGroup(group.first - 1, areApart)
    // Whoever was called since comes behind them.
    const again = [...(areApart ? group.members : []), ...later].map(({ intent }) => intent)
    this.#waiting = [...again, ...this.#waiting]
  }

  /** A disk that failed may have written all the same. Where it cannot tell either, it is asked before anything else. */
  async #wasWrittenAllTheSame(group: JournalGroup<M>, error: unknown): Promise<boolean> {
    if (group.write === undefined || isCertain(error)) return false
    try {
      return await this.#wasWritten(group)
    } catch {
      this.#doubtful = group
      return false
    }
  }

  /** Its callers were told that it is not known. If it is in the journal, the state follows the journal. */
  async #resolveDoubt(group: JournalGroup<M>): Promise<void> {
    let wasWritten: boolean
    try {
      wasWritten = await this.#wasWritten(group)
    } catch (error) {
      const waiting = this.#waiting
      this.#waiting = []
      for (const intent of waiting) intent.reject(error)
      return
    }
    this.#doubtful = undefined
    if (!wasWritten) this.#options.head.notWritten()
    else {
      this.#options.head.written()
      this.#options.follower.committed(group.mark!.mark)
      this.#options.follower.rolledBack()
      this.#open = new JournalGroup(group.last)
    }
  }

  async #wasWritten({ first, write }: JournalGroup<M>): Promise<boolean> {
    const { back, name } = this.#options
    const options: ReadOptions = { consistency: 'linearizable' }
    const [found] = await back.read([recordKey(name, first)], options)
    return found?.entry !== undefined && sumIn(found.entry.payload) === sumIn(write!.payload)
  }
}

function sumIn(payload: Payload): unknown {
  return (payload.decode() as { readonly sum?: unknown } | null)?.sum
}

function areSameRecords(there: Payload, own: Payload): boolean {
  try {
    return sumIn(there) === sumIn(own)
  } catch {
    // It cannot be read here: this process has not written it.
    return false
  }
}

function occupied(name: string, first: number): TidemarkError {
  const message = `the journal ${name} has a transaction ${first} that was not written here; open it again`
  return new TidemarkError('LEASE_LOST', message, { key: name })
}

function isCertain(error: unknown): boolean {
  return !(error instanceof TidemarkError) || CERTAIN.includes(error.code)
}
