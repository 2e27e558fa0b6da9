import { randomBytes } from 'node:crypto'
import type { Clock } from '@tidemark/core'
import { withinDeadline } from '../deadline.ts'
import type { Link } from '../link.ts'
import { CLEAR } from '../scripts/clear.ts'
import { ANNOUNCE_INIT, COMPLETE_INIT } from '../scripts/init.ts'

export interface EpochOptions {
  /** The key of meta. */
  readonly meta: string
  readonly clock: Clock
  /** The head of the back tier's log. */
  readonly head: () => Promise<number>
  readonly headTimeoutMs: number
  readonly onChange: () => void
  /** INIT failed: the front stays fenced until it is tried again, at the next look. */
  readonly onFailure: (error: unknown) => void
}

/**
 * What this process knows of the server's epoch. It is void unless the server has confirmed it on the link in use, so
 * that whatever happened while there was no link is noticed before a record is served.
 */
export class Epoch {
  readonly #options: EpochOptions
  #link: Link | undefined
  #text: string | undefined
  #bytes: Buffer = Buffer.alloc(0)
  #initializing = false

  constructor(options: EpochOptions) {
    this.#options = options
  }

  /** The epoch that holds on the link in use; undefined: not known. */
  get known(): string | undefined {
    return this.#text
  }

  /** The epoch that holds for replies of this link; undefined: not known. */
  on(link: Link): string | undefined {
    return link === this.#link ? this.#text : undefined
  }

  /** As {@link on}, as bytes. */
  bytesOn(link: Link): Buffer | undefined {
    return this.on(link) === undefined ? undefined : this.#bytes
  }

  /** Asks the server. Starts INIT, without waiting for it, when meta is gone. */
  async look(link: Link, timeoutMs: number): Promise<void> {
    const [epoch, watermark] = (await link.probe(
      'HMGET',
      [this.#options.meta, 'e', 'w'],
      timeoutMs,
    )) as (Buffer | null)[]
    this.learn(link, epoch && watermark ? epoch.toString('latin1') : undefined)
  }

  /** Takes what a reply said; replies of one link come in the order in which the server acted. `undefined`: meta is not ready. */
  learn(link: Link, epoch: string | undefined): void {
    if (link !== this.#link) return
    const changed = this.#text !== epoch
    this.#text = epoch
    if (epoch !== undefined && changed) this.#bytes = Buffer.from(epoch, 'latin1')
    if (changed) this.#options.onChange()
    if (epoch === undefined) this.initialize(link)
  }

  /** Another link, or none, is in use: nothing is known until that one confirms it. */
  follow(link: Link | undefined): void {
    this.#link = link
    this.#text = undefined
  }

  /** A new epoch for everybody. @throws TidemarkError when the server cannot be reached. */
  async renew(link: Link): Promise<void> {
    const epoch = randomEpoch()
    if ((await link.run(CLEAR, [this.#options.meta], [epoch])) === 1) this.learn(link, epoch)
    else await this.#initialize(link)
  }

  /** Runs INIT, unless it is under way. Never throws. */
  initialize(link: Link): void {
    if (this.#initializing) return
    this.#initializing = true
    void this.#initialize(link)
      .catch((error: unknown) => this.#options.onFailure(error))
      .finally(() => (this.#initializing = false))
  }

  async #initialize(link: Link): Promise<void> {
    const { meta, head, headTimeoutMs, clock } = this.#options
    const nonce = randomBytes(8).toString('hex')
    if ((await link.run(ANNOUNCE_INIT, [meta], [nonce])) === 1) {
      // After the announcement, never before: see there.
      const start = await withinDeadline(
        head(),
        headTimeoutMs,
        clock,
        () => new Error('the back tier did not tell its head in time'),
      )
      await link.run(COMPLETE_INIT, [meta], [nonce, randomEpoch(), start])
    }
    // Whoever completed it, this is what holds now.
    const [epoch, watermark] = (await link.call('HMGET', [meta, 'e', 'w'])) as (Buffer | null)[]
    if (epoch && watermark) this.learn(link, epoch.toString('latin1'))
  }
}

function randomEpoch(): string {
  return randomBytes(4).toString('hex')
}
