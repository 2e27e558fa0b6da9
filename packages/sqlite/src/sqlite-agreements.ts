import { type AgreementSample, NO_AGREEMENT, type SyncFrontAgreements } from '@tidemark/core'
import { toAgreement } from './agreement-table.ts'
import type { Connection, RowStatement } from './connection.ts'
import type { GroupCommitter } from './group-committer.ts'
import type { KnownIdentity } from './known-identity.ts'

/** The columns of the agreement are null where there is none. */
type SampleRow =
  | readonly [head: number, logEpoch: number, ...none: readonly [null, null, null, null, null, null]]
  | readonly [head: number, logEpoch: number, ...Parameters<typeof toAgreement>]

export interface SqliteAgreementsOptions {
  readonly identity: KnownIdentity
  readonly committer: GroupCommitter
  /** The boot under way, where the file must not be believed to be of this boot already: see boot-mark.ts. */
  readonly unmarkedBoot: string | undefined
  /** @throws ClosedError once the store is closing */
  readonly assertOpen: () => void
  /** @throws ClosedError; TidemarkError READ_ONLY */
  readonly assertWritable: () => void
}

/** The port of agreements over one database. */
export class SqliteAgreements implements SyncFrontAgreements {
  readonly #connection: Connection
  readonly #options: SqliteAgreementsOptions
  readonly #sample: RowStatement<SampleRow>

  constructor(connection: Connection, options: SqliteAgreementsOptions) {
    this.#connection = connection
    this.#options = options
    // As if no epoch had been started, while nobody who may write has dealt with the end of another boot.
    const epoch = options.unmarkedBoot === undefined ? 'a.epoch' : "iif(h.boot IS NULL OR h.boot = $boot, a.epoch, '')"
    this.#sample = connection.prepareRows(
      `SELECT h.seq, h.epoch, ${epoch}, a.server, a.term, a.suspended, a.max_stale_ms, a.wait_ms
       FROM log_head h LEFT JOIN front_agreement a ON a.front = $front WHERE h.id = 1`,
    )
  }

  sample(front: string): AgreementSample {
    const { assertOpen, identity, unmarkedBoot: boot } = this.#options
    assertOpen()
    const parameters = boot === undefined ? { front } : { front, boot }
    const [head, logEpoch, ...agreed] = this.#connection.read(() => this.#sample.get(parameters))!
    identity.saw(logEpoch)
    return { head, agreement: agreed[2] === null ? NO_AGREEMENT : toAgreement(...agreed) }
  }

  async change(...[front, term, next]: Parameters<SyncFrontAgreements['change']>): Promise<AgreementSample> {
    const { assertWritable, committer } = this.#options
    assertWritable()
    return committer.perform(({ head, agreements }) => ({ head, agreement: agreements.change(front, term, next) }))
  }
}
