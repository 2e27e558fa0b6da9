import type { Destination } from '../write-behind/flush-batch.ts'
import { deadLetterMark } from '../write-behind/dead-letters.ts'
import { JournalKeys } from '../write-behind/journal-keys.ts'
import { marksJournal } from '../write-behind/journal.ts'
import { Recovery } from '../write-behind/recovery.ts'
import { Tenure } from '../write-behind/tenure.ts'
import { WriteBuffer } from '../write-behind/write-buffer.ts'
import type { BoundedConnector } from './bounded-connector.ts'
import type { JournalBack, ResolvedBuffered } from './buffered-options.ts'
import { type Books, ConnectorLane } from './connector-lane.ts'
import type { ConnectorSet } from './connector-set.ts'
import { JournalBooks, recoveredBooks } from './journal-books.ts'
import { type Kept, keptFormat } from './kept-write.ts'
import { journaledLetters, type Letters, MemoryLetters } from './letters.ts'

export interface PersistenceParts<A> {
  readonly connectors: ConnectorSet<A>
  readonly name: string
  readonly options: ResolvedBuffered<A>
  /** These are journaled, in this order. Their callers are answered later, in any order, where they wait for room. */
  readonly onTaken: (writes: readonly Kept[]) => void
  readonly onFlushed: (ids: Iterable<string>) => void
  /** These were acknowledged, and are not written. */
  readonly onRefused: (writes: readonly Kept[]) => void
}

/** What brings acknowledged writes to the connectors of a buffer, by way of its journal, if it has one. */
export class Persistence<A> {
  readonly buffer: WriteBuffer<Kept>
  readonly letters: Letters
  /** Sets aside what a connector has refused. */
  readonly bury: (by: string, writes: readonly Kept[], error: unknown) => Promise<void>
  readonly #parts: PersistenceParts<A>
  readonly #books: Books
  readonly #tenure: Tenure | undefined
  readonly #recovery: Recovery<Kept> | undefined

  constructor(parts: PersistenceParts<A>) {
    this.#parts = parts
    const { journal, clock } = parts.options
    if (journal === undefined) {
      const owner = crypto.randomUUID()
      const letters = new MemoryLetters(clock)
      this.letters = letters
      this.bury = async (by, writes, error) => letters.bury(by, writes, error)
      this.#books = {
        write: (_id, _part, send) => send(owner, undefined),
        bury: (id, { writes }, error) => this.bury(id, writes, error),
      }
      this.buffer = this.#bufferTo(async (_row, gather) => void gather(), false)
      return
    }
    const { tenure, recovery, books, letters, bury } = this.#journaled(journal)
    this.letters = letters
    this.bury = bury
    this.#books = books
    this.#tenure = tenure
    this.#recovery = recovery
    this.buffer = this.#bufferTo((row, gather) => books.append(row, gather), true)
  }

  /** Resolves when the connectors have what others have left behind. */
  async open(): Promise<void> {
    await this.#recovery?.runFirst()
  }

  laneTo(connector: BoundedConnector<A>): Destination<Kept> {
    return this.#lane(connector, this.#books)
  }

  async close(): Promise<void> {
    try {
      await this.buffer.close()
      await this.#tenure?.end()
    } catch (error) {
      await this.#tenure?.leave()
      throw error
    } finally {
      await this.#recovery?.close()
    }
  }

  #lane(connector: BoundedConnector<A>, books: Books): Destination<Kept> {
    return new ConnectorLane(connector, {
      write: (id, part, send) => books.write(id, part, send),
      bury: async (id, part, error) => {
        await books.bury(id, part, error)
        this.#parts.onRefused(part.writes)
      },
    })
  }

  #bufferTo(append: (row: number, gather: () => readonly Kept[]) => Promise<void>, isJournaled: boolean) {
    const { connectors, name, options, onTaken, onFlushed } = this.#parts
    const { limits, clock, random, onError } = options
    const destinations = new Map(connectors.all.map((connector) => [connector.id, this.laneTo(connector)]))
    const target = { append, destinations }
    return new WriteBuffer<Kept>({
      name: `the buffer of ${name}`,
      target,
      isJournaled,
      limits,
      clock,
      random,
      onError,
      onTaken,
      onFlushed,
    })
  }

  #journaled(journal: JournalBack) {
    const { connectors, name, options } = this.#parts
    const { clock, codec, leaseMs, presence, onError } = options
    const keys = new JournalKeys(name)
    const office = { back: journal, keys, format: keptFormat(codec) }
    const now = (): number => clock.now()
    const tenure = new Tenure({
      back: journal,
      keys,
      clock,
      leaseMs,
      record: { by: presence.describe() },
      isInUse: () => !this.buffer.isIdle,
      onLost: () => {
        this.buffer.abandon()
        void recovery.run().catch(() => undefined)
      },
    })
    const owedToOthers = (id: string): number => this.buffer.owed(id)
    const parts = { back: journal, office, now }
    const books = new JournalBooks({ ...parts, journal: marksJournal(office), tenure, owedToOthers })
    const recovery = new Recovery<Kept>({
      back: journal,
      office,
      clock,
      leaseMs,
      lanes: () => connectors.all.map(({ id }) => id),
      target: (left) => {
        const lane = this.#lane(connectors.get(left.lane), recoveredBooks(parts, left))
        // Connectors are called one at a time.
        return { ...bound(lane), write: (part) => this.buffer.between(left.lane, () => lane.write(part)) }
      },
      own: () => tenure.owner,
      isGone: (by) => presence.isGone(by),
      onError,
    })
    const bury: typeof this.bury = (by, writes, error) =>
      journal.marks.write([deadLetterMark(office, writes, error, now(), by)])
    return { tenure, recovery, books, letters: journaledLetters(office), bury }
  }
}

function bound(lane: Destination<Kept>): Pick<Destination<Kept>, 'verdict' | 'bury'> {
  return { verdict: (error) => lane.verdict(error), bury: (part, error) => lane.bury(part, error) }
}
