import type { Key } from '@tidemark/core'
import {
  type Buffered,
  buffered as bufferedBefore,
  type BufferedOptions as Options,
  type Connector,
} from '@tidemark/tiered'
import { presence } from './presence.ts'
import { internalsOf, Tidemark } from './tidemark.ts'

/** As `buffered` of @tidemark/tiered has them, with a store for the journal. */
export interface BufferedOptions<A = Key> extends Omit<Options<A>, 'journal' | 'presence'> {
  /**
   * A store: writes are acknowledged when they are journaled there, and survive the process. Buffers of the same `name` recover
   * what others have left behind when they died. Close the buffer before the store.
   * @default none: what is not flushed is lost with the process
   */
  readonly journal?: Tidemark | undefined
}

/**
 * A buffer before something that persists values, a file, a service, a database: what is read is remembered, what is written is
 * read back at once, and persisted later, the last value of each key, together with the others.
 *
 * @throws TypeError or RangeError for an option that is wrong; what a connector fails to connect with
 */
export async function buffered<A = Key>(
  connectors: Connector<A> | readonly Connector<A>[],
  options: BufferedOptions<A> = {},
): Promise<Buffered<A>> {
  const { journal, onError = toConsole, ...rest } = options
  if (journal !== undefined && !(journal instanceof Tidemark))
    throw new TypeError('option journal must be an opened store')
  return bufferedBefore(connectors, { ...rest, onError, journal: journal && internalsOf(journal).tiers, presence })
}

function toConsole(error: unknown): void {
  console.error('tidemark: a flush failed:', error)
}
