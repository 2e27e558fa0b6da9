import type { FrontOutcome } from '@tidemark/core'
import type { Link } from './link.ts'
import { parseReply } from './script-reply.ts'
import type { Script } from './scripts/script.ts'
import { StripeList } from './stripe-list.ts'

/** How many keys one script call takes: it blocks the server for everybody while it runs, 1000 keys for about 4 ms. */
const MAX_KEYS = 1_000
/** How many bytes of records one script call takes, unless a single record is longer. */
const MAX_BYTES: number = 1024 * 1024

const OUTCOMES: Readonly<Record<string, FrontOutcome>> = { I: 'installed', R: 'removed', N: 'newer', F: 'fenced' }

/**
 * The arguments of one APPLY or FILL. Records travel in one argument, since each argument costs both sides more than the
 * bytes of a small record do.
 */
export class Batch {
  readonly #epoch: string
  readonly #numbers: number
  readonly #keys: string[]
  readonly #packed: Buffer
  readonly #stripes = new StripeList()
  readonly #records: Buffer[] = []
  readonly #own: readonly string[]
  #at = 0

  /**
   * @param numbers how many numbers go with each key besides its stripe
   * @param own arguments that only this script has; they stand before the stripes
   */
  constructor(meta: string, epoch: string, size: number, numbers: number, own: readonly string[] = []) {
    this.#epoch = epoch
    this.#own = own
    this.#numbers = numbers
    this.#keys = [meta]
    this.#packed = Buffer.allocUnsafe(size * (2 + 8 * numbers + 4))
  }

  add(name: string, id: string, numbers: readonly number[], record: Buffer | undefined): void {
    this.#keys.push(name)
    this.#at = this.#packed.writeUInt16BE(this.#stripes.indexOf(id), this.#at)
    for (let i = 0; i < this.#numbers; i++) this.#at = this.#packed.writeDoubleBE(numbers[i]!, this.#at)
    this.#at = this.#packed.writeUInt32BE(record?.length ?? 0, this.#at)
    if (record !== undefined) this.#records.push(record)
  }

  async run(link: Link, script: Script): Promise<BatchReply> {
    const args = [this.#epoch, this.#packed, Buffer.concat(this.#records), ...this.#own, ...this.#stripes.names]
    const { epoch, rest } = parseReply(await link.run(script, this.#keys, args))
    return { epoch, outcomes: Array.from(rest, (letter) => OUTCOMES[letter]!) }
  }
}

export interface BatchReply {
  /** The epoch of the server's meta; undefined when it is not ready. */
  readonly epoch: string | undefined
  readonly outcomes: readonly FrontOutcome[]
}

/** Cuts a batch into parts that one script call takes. Order is kept. */
export function chunksOf<T>(items: readonly T[], bytesOf: (item: T) => number): readonly (readonly T[])[] {
  const chunks: T[][] = []
  let chunk: T[] | undefined
  let bytes = 0
  for (const item of items) {
    const length = bytesOf(item)
    if (chunk === undefined || chunk.length === MAX_KEYS || bytes + length > MAX_BYTES) {
      chunk = []
      chunks.push(chunk)
      bytes = 0
    }
    chunk.push(item)
    bytes += length
  }
  return chunks
}
