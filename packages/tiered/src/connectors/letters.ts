import type { Clock } from '@tidemark/core'
import {
  type DeadLetter,
  deadLetter,
  type DeadLetterOffice,
  deadLetters,
  saidBy,
} from '../write-behind/dead-letters.ts'
import type { Kept } from './kept-write.ts'

/** So many letters are kept in memory, where there is no journal. */
const MAX_LETTERS = 1_000

/** Where a buffer keeps what connectors have refused for good. */
export interface Letters {
  all(): AsyncIterable<DeadLetter<Kept>> | Iterable<DeadLetter<Kept>>
  get(id: string): Promise<DeadLetter<Kept> | undefined>
  /** @returns whether there was one */
  drop(id: string): Promise<boolean>
}

/** In the journal. */
export function journaledLetters(office: DeadLetterOffice<Kept>): Letters {
  const { marks } = office.back
  return {
    all: () => deadLetters(office),
    get: (id) => deadLetter(office, id),
    async drop(id) {
      const key = office.keys.dead(id)
      if ((await marks.read([key]))[0] === undefined) return false
      await marks.write([{ key, value: undefined }])
      return true
    },
  }
}

/** In memory: the latest ones. */
export class MemoryLetters implements Letters {
  readonly #letters = new Map<string, DeadLetter<Kept>>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  bury(by: string, writes: readonly Kept[], error: unknown): void {
    const id = crypto.randomUUID()
    this.#letters.set(id, { id, at: new Date(this.#clock.now()), error: saidBy(error), by, writes })
    const [oldest] = this.#letters.keys()
    if (this.#letters.size > MAX_LETTERS) this.#letters.delete(oldest!)
  }

  all(): Iterable<DeadLetter<Kept>> {
    return [...this.#letters.values()]
  }

  async get(id: string): Promise<DeadLetter<Kept> | undefined> {
    return this.#letters.get(id)
  }

  async drop(id: string): Promise<boolean> {
    return this.#letters.delete(id)
  }
}
