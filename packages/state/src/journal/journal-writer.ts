import {
  type Back,
  ClosedError,
  type Commit,
  type Lease,
  type MarkWrite,
  type Payload,
  type ReadOptions,
  type SetWrite,
  TidemarkError,
} from '@tidemark/core'
import { durably } from '../durably.ts'
import type { JournalHead } from './journal-head.ts'
import { recordKey } from './journal-keys.ts'
import { type JournalTransaction, toPayload } from './record.ts'
import type { WriterLease } from './writer-lease.ts'

/** What is to be journaled, and who waits for it. */
export interface Intent {
  /**
   * Makes the transaction that the journal gets under this number. Asked again when one before it has failed.
   * @throws what its caller gets; nothing of it is journaled then
   */
  attempt(number: number): JournalTransaction
  /** It is durable. */
  resolve(): void
  reject(error: unknown): void
}

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

interface Member {
  readonly intent: Intent
  readonly transaction: JournalTransaction
}

/** Errors after which it is certain that nothing was written. */
const CERTAIN: readonly unknown[] = ['CLOSED', 'LEASE_LOST', 'BUSY', 'READ_ONLY', 'DISK_FULL', 'UNENCODABLE']

/**
 * Appends transactions to a journal. Those of one turn of the event loop, and those that come while a commit is under way,
 * share one record and one commit. Only one commit is under way at a time: what follows a failed one must not be in the
 * journal.
 */
export class JournalWriter<M> {
  readonly #options: JournalWriterOptions<M>
  #open: Group<M>
  #underWay: Promise<void> | undefined
  /** Of which it is not known whether it was written. */
  #doubtful: Group<M> | undefined
  /** Until that is known: there is no state to attempt them over. */
  #waiting: Intent[] = []
  #isClosed = false

  constructor(options: JournalWriterOptions<M>) {
    this.#options = options
    this.#open = new Group(options.last)
  }

  /** The number of the last transaction that was attempted. */
  get last(): number {
    return this.#open.last
  }

  append(intent: Intent): void {
    if (this.#isClosed) return intent.reject(new ClosedError(`the journal ${this.#options.name}`))
    if (this.#doubtful === undefined) this.#attempt(intent)
    else this.#waiting.push(intent)
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

  #attempt(intent: Intent): void {
    if (this.#open.mark !== undefined) this.#open = new Group(this.#open.last)
    try {
      this.#open.members.push({ intent, transaction: intent.attempt(this.#open.last + 1) })
    } catch (error) {
      intent.reject(error)
    }
  }

  get #hasWork(): boolean {
    return this.#waiting.length > 0 || (this.#open.members.length > 0 && this.#open.mark === undefined)
  }

  /** Commits one group after the other until there is none. Never rejects. */
  async #run(): Promise<void> {
    while (this.#hasWork) {
      if (this.#doubtful === undefined) await this.#commit(this.#open)
      else await this.#resolveDoubt(this.#doubtful)
    }
    this.#underWay = undefined
  }

  async #commit(group: Group<M>): Promise<void> {
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
  #write(group: Group<M>): Promise<Commit> {
    return this.#options.lease.use((lease) => this.#commitOf(group, lease))
  }

  #commitOf(group: Group<M>, lease: Lease): Promise<Commit> {
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

  #end(group: Group<M>): SetWrite {
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

  #succeed(group: Group<M>): void {
    this.#options.head.written()
    this.#options.follower.committed(group.mark!.mark)
    for (const { intent } of group.members) intent.resolve()
  }

  /** What came after it was attempted over a state that will never be: it is attempted again over the one that is. */
  #fail(group: Group<M>, error: unknown): void {
    const later = this.#open === group ? [] : this.#open.members
    for (const { intent } of group.members) intent.reject(error)
    if (this.#doubtful === undefined) this.#options.head.notWritten()
    this.#options.follower.rolledBack()
    this.#open = new Group(group.first - 1)
    for (const { intent } of later) {
      if (this.#doubtful === undefined) this.#attempt(intent)
      else this.#waiting.push(intent)
    }
  }

  /** A disk that failed may have written all the same. Where it cannot tell either, it is asked before anything else. */
  async #wasWrittenAllTheSame(group: Group<M>, error: unknown): Promise<boolean> {
    if (group.write === undefined || isCertain(error)) return false
    try {
      return await this.#wasWritten(group)
    } catch {
      this.#doubtful = group
      return false
    }
  }

  /** Its callers were told that it is not known. If it is in the journal, the state follows the journal. */
  async #resolveDoubt(group: Group<M>): Promise<void> {
    let wasWritten: boolean
    try {
      wasWritten = await this.#wasWritten(group)
    } catch (error) {
      for (const intent of this.#takeWaiting()) intent.reject(error)
      return
    }
    this.#doubtful = undefined
    if (!wasWritten) this.#options.head.notWritten()
    else {
      this.#options.head.written()
      this.#options.follower.committed(group.mark!.mark)
      this.#options.follower.rolledBack()
      this.#open = new Group(group.last)
    }
    for (const intent of this.#takeWaiting()) this.#attempt(intent)
  }

  #takeWaiting(): readonly Intent[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }

  async #wasWritten({ first, write }: Group<M>): Promise<boolean> {
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

class Group<M> {
  readonly first: number
  readonly members: Member[] = []
  /** Since it has ended. */
  mark: { readonly mark: M } | undefined
  write: SetWrite | undefined
  head: MarkWrite | undefined

  constructor(before: number) {
    this.first = before + 1
  }

  get last(): number {
    return this.first + this.members.length - 1
  }
}

function isCertain(error: unknown): boolean {
  return !(error instanceof TidemarkError) || CERTAIN.includes(error.code)
}
