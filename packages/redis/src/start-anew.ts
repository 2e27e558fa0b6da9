import { randomBytes } from 'node:crypto'
import { type FrontSession, type FrontStart, wholeAtLeast } from '@tidemark/core'
import type { Link } from './link.ts'
import { ANNOUNCE, COMPLETE } from './scripts/init.ts'
import type { Sessions } from './sessions.ts'

const EPOCH = /^[0-9a-f]{8}$/

/** How long the announcement of somebody else holds: a start takes a few milliseconds, and one that was given up for ever. */
const PATIENCE_MS = 100
/** Who is always too slow for the patience of others has more and more of it himself, so that one of them completes. */
const MAX_DOUBLINGS = 4

export interface StartAnewOptions {
  /** The key of meta. */
  readonly meta: string
  readonly sessions: Sessions
  /** Whether the link is still the one in use. */
  readonly isInUse: (link: Link) => boolean
}

/** Runs INIT for one front, which may take over what it announced itself at once. */
export class StartAnew {
  readonly #options: StartAnewOptions
  /** Of the last announcement. */
  #nonce = ''
  /** Starts, one after the other, that somebody else took over. */
  #inVain = 0

  constructor(options: StartAnewOptions) {
    this.#options = options
  }

  /**
   * Both steps, on one link.
   * @param start where to start: asked after the announcement
   * @param seen the epoch in which the front was found to need it
   * @returns whether it was this start that completed
   */
  async run(link: Link, start: () => Promise<FrontStart>, seen: FrontSession['epoch']): Promise<boolean> {
    const { meta, sessions, isInUse } = this.#options
    const nonce = randomBytes(8).toString('hex')
    if (!(await this.#announce(link, nonce, seen))) return false
    // After the announcement, never before: see there.
    const { epoch, head, mark } = await start()
    if (!EPOCH.test(epoch)) throw new RangeError(`an epoch must be 8 hexadecimal digits, not "${epoch}"`)
    wholeAtLeast('head', head, 0)
    // Another link may lead to another server, or to one that has lost what was executed since the announcement.
    if (!isInUse(link)) return false
    const sentAt = link.commands
    const isMine = (await link.run(COMPLETE, [meta], [nonce, epoch, String(head), mark])) === 1
    if (isMine) sessions.learn(link, sentAt, epoch)
    this.#inVain = isMine ? 0 : this.#inVain + 1
    return isMine
  }

  /** @returns false: somebody else has started the front, or is about to */
  async #announce(link: Link, nonce: string, seen = ''): Promise<boolean> {
    const { meta, sessions } = this.#options
    const own = this.#nonce
    // Whatever the reply, it may have been executed.
    this.#nonce = nonce
    const patienceMs = PATIENCE_MS * 2 ** Math.min(this.#inVain, MAX_DOUBLINGS)
    const sentAt = link.commands
    const reply = await link.run(ANNOUNCE, [meta], [nonce, seen, own, patienceMs])
    const isReady = typeof reply !== 'number'
    sessions.learn(link, sentAt, isReady ? String(reply) : undefined)
    return reply === 1
  }
}
