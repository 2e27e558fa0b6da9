import type { FrontSession } from '@tidemark/core'
import type { Link } from './link.ts'
import { Listeners } from './listeners.ts'

/**
 * What this process knows of the server: which one it is, and its epoch. Every session is an object of its own. One
 * begins when a probe has succeeded, and again whenever a reply shows another epoch; it ends with the link, and when the
 * link is in doubt. So whatever happened while there was none is noticed before a record is served.
 */
export class Sessions {
  readonly #listeners = new Listeners<FrontSession | undefined>()
  #current: FrontSession | undefined
  #link: Link | undefined
  #server: string | undefined
  #epoch: string | undefined
  /** The number of the command whose reply said so. */
  #learnedAt = 0
  #isUp = false

  get current(): FrontSession | undefined {
    return this.#current
  }

  /** The epoch that holds for what is sent on this link; undefined: not known. */
  epochOn(link: Link): string | undefined {
    return link === this.#link ? this.#current?.epoch : undefined
  }

  on(listener: (session: FrontSession | undefined) => void): () => void {
    return this.#listeners.add(listener)
  }

  /** Another link, or none, is in use: nothing is known until that one confirms it. */
  follow(link: Link | undefined): void {
    this.#link = link
    this.#server = undefined
    this.#epoch = undefined
    this.#learnedAt = 0
    this.#renew()
  }

  /** Which server it is that the link leads to. */
  identify(link: Link, server: string): void {
    if (link !== this.#link) return
    this.#server = server
    this.#renew()
  }

  /**
   * Takes what a reply said.
   * @param epoch undefined: meta is not ready
   * @param sentAt what `link.commands` was before the command was sent; what came out of an earlier one is older news
   */
  learn(link: Link, sentAt: number, epoch: string | undefined): void {
    if (link !== this.#link || sentAt < this.#learnedAt) return
    this.#learnedAt = sentAt
    this.#epoch = epoch
    this.#renew()
  }

  /** Whether the link may be used. */
  set isUp(isUp: boolean) {
    this.#isUp = isUp
    this.#renew()
  }

  #renew(): void {
    const server = this.#isUp ? this.#server : undefined
    const epoch = this.#epoch
    if (server === this.#current?.server && epoch === this.#current?.epoch) return
    if (server === undefined && this.#current === undefined) return
    this.#current = server === undefined ? undefined : Object.freeze({ server, epoch })
    this.#listeners.emit(this.#current)
  }
}
