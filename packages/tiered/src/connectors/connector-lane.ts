import type { Destination } from '../write-behind/flush-batch.ts'
import type { FlushPart, Verdict } from '../write-behind/target.ts'
import type { BoundedConnector } from './bounded-connector.ts'
import { isRefusal } from './connector-error.ts'
import type { ConnectorWrite } from './connector.ts'
import { flushToken } from './flush-token.ts'
import type { Kept, KeptWrite } from './kept-write.ts'

/** Hands a part to the connector. @param owner whose journal it stands in @param fence of the lease of that */
export type Send = (owner: string, fence: number | undefined) => Promise<void>

/** What is kept of what a connector is to get: a journal, or nothing. */
export interface Books {
  /** Calls `send`, and notes that the connector has the part. May call it again; where others have the journal, not at all. */
  write(id: string, part: FlushPart<Kept>, send: Send): Promise<void>
  /** Sets aside what the connector refuses for good. */
  bury(id: string, part: FlushPart<Kept>, error: unknown): Promise<void>
}

/** A connector, to which a buffer flushes at the pace of that. */
export class ConnectorLane<A> implements Destination<Kept> {
  readonly #connector: BoundedConnector<A>
  readonly #books: Books
  /** What the connector has taken last: also when that could not be noted, it does not get it again. */
  #taken: string | undefined

  constructor(connector: BoundedConnector<A>, books: Books) {
    this.#connector = connector
    this.#books = books
  }

  write(part: FlushPart<Kept>): Promise<void> {
    return this.#books.write(this.#connector.id, part, (owner, fence) => this.#send(part, owner, fence))
  }

  verdict(error: unknown): Verdict {
    return isRefusal(error) ? 'split' : 'retry'
  }

  bury(part: FlushPart<Kept>, error: unknown): Promise<void> {
    return this.#books.bury(this.#connector.id, part, isRefusal(error) ? error.cause : error)
  }

  async #send(part: FlushPart<Kept>, owner: string, fence: number | undefined): Promise<void> {
    const token = flushToken(owner, part)
    if (this.#taken !== token) {
      const writes = part.writes.flatMap((write) => (write.key === undefined ? [] : [toConnectorWrite<A>(write)]))
      const state = part.writes.find(({ checkpoint }) => checkpoint !== undefined)?.checkpoint
      const checkpoint = state && { state: state.read() }
      if (writes.length > 0 || checkpoint !== undefined)
        await this.#connector.write(writes, { token, fence, checkpoint })
    }
    this.#taken = token
    part.onWritten()
  }
}

export function toConnectorWrite<A>({ key, args, payload }: KeptWrite): ConnectorWrite<A> {
  return { key: key.tuple, args: (args === undefined ? key.tuple : args.read()) as A, value: payload?.read() }
}
