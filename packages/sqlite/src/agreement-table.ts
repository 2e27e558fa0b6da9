import { type FrontAgreement, nextAgreement, NO_AGREEMENT } from '@tidemark/core'
import type { Statement } from 'better-sqlite3'
import type { Connection, RowStatement } from './connection.ts'
import { RESTART_FRONTS } from './starting-anew.ts'

type Row = readonly [front: string, ...Parameters<typeof toAgreement>]

const NONE: ReadonlyMap<string, FrontAgreement> = new Map()

/** What is agreed about the shared fronts, within write transactions. */
export class AgreementTable {
  readonly #all: RowStatement<Row>
  readonly #put: Statement
  readonly #startAnew: Statement
  /** As committed by the transaction that had `#seen`. */
  #committed = NONE
  #seen = ''
  /** As the transaction under way has it. */
  #current = NONE

  constructor(connection: Connection) {
    this.#all = connection.prepareRows(
      'SELECT front, epoch, server, term, suspended, max_stale_ms, wait_ms FROM front_agreement',
    )
    this.#put = connection.prepare(
      `INSERT OR REPLACE INTO front_agreement (front, epoch, server, term, suspended, max_stale_ms, wait_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#startAnew = connection.prepare(RESTART_FRONTS)
  }

  /**
   * A transaction begins. Reads the table only when it changed since the last one.
   *
   * @param epoch of the log
   * @param terms the sum of all terms; null when there are none
   */
  begin(epoch: number, terms: number | null): void {
    const seen = `${epoch} ${terms}`
    if (seen !== this.#seen) {
      this.#committed = terms === null ? NONE : this.#read()
      this.#seen = seen
    }
    this.#current = this.#committed
  }

  /** By the name of the front. Never changed, only replaced, so that commits share it. */
  get current(): ReadonlyMap<string, FrontAgreement> {
    return this.#current
  }

  /** @returns the agreement afterwards; see FrontAgreements.change */
  change(front: string, term: number, next: Partial<Omit<FrontAgreement, 'term'>>): FrontAgreement {
    const known = this.#current.get(front) ?? NO_AGREEMENT
    const changed = term === known.term ? nextAgreement(known, next) : known
    if (changed === known) return known
    const { epoch, server, suspended, maxStaleMs, waitMs } = changed
    this.#put.run(front, epoch, server, changed.term, Number(suspended), maxStaleMs, waitMs)
    this.#current = new Map(this.#current).set(front, changed)
    return changed
  }

  /** No epoch counts any more, and none that was read before can be agreed on. */
  startAnew(): void {
    this.#startAnew.run()
    this.#current = this.#read()
  }

  #read(): ReadonlyMap<string, FrontAgreement> {
    return new Map(this.#all.all().map(([front, ...rest]) => [front, toAgreement(...rest)]))
  }
}

export function toAgreement(
  epoch: string,
  server: string,
  term: number,
  suspended: number,
  maxStaleMs: number,
  waitMs: number,
): FrontAgreement {
  return Object.freeze({ epoch, server, term, suspended: suspended === 1, maxStaleMs, waitMs })
}
