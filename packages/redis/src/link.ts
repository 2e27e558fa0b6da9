import type { Clock } from '@tidemark/core'
import type { Redis } from 'ioredis'
import { timedOut, unavailable } from './command-errors.ts'
import { withinDeadline } from './deadline.ts'
import type { Script } from './scripts/script.ts'

export type Argument = string | Buffer | number

export interface LinkOptions {
  readonly client: Redis
  readonly tier: string
  readonly address: string
  readonly clock: Clock
  readonly commandTimeoutMs: number
  readonly onTimeout: (link: Link) => void
}

/**
 * One connection to the server, from its handshake to its end. Nothing is ever sent again on another one, so what is
 * learned from a link holds for exactly the replies that come from the same link.
 */
export class Link {
  commands = 0
  readonly client: Redis
  readonly #options: LinkOptions

  constructor(options: LinkOptions) {
    this.client = options.client
    this.#options = options
  }

  /** Replies hold buffers, never strings. @throws TidemarkError FRONT_UNAVAILABLE or TIMEOUT; then it may have been executed. */
  call(command: string, args: readonly Argument[]): Promise<unknown> {
    const { commandTimeoutMs, onTimeout } = this.#options
    return this.#within(commandTimeoutMs, () => onTimeout(this), this.#send(command, args))
  }

  /** As {@link call}, for commands that look whether the server is alive: given longer, and drawing no conclusion. */
  probe(command: string, args: readonly Argument[], timeoutMs: number): Promise<unknown> {
    return this.#within(timeoutMs, () => {}, this.#send(command, args))
  }

  /** Runs a script. Its source travels only when the server does not have it yet. */
  run(script: Script, keys: readonly Argument[], args: readonly Argument[]): Promise<unknown> {
    const { commandTimeoutMs, onTimeout } = this.#options
    return this.#within(
      commandTimeoutMs,
      () => onTimeout(this),
      this.#runScript(script, [keys.length, ...keys, ...args]),
    )
  }

  async #runScript(script: Script, rest: readonly Argument[]): Promise<unknown> {
    try {
      return await this.#send('EVALSHA', [script.sha, ...rest])
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return this.#send('EVAL', [script.source, ...rest])
    }
  }

  #send(command: string, args: readonly Argument[]): Promise<unknown> {
    this.commands++
    return this.client.callBuffer(command, args as Argument[])
  }

  async #within(timeoutMs: number, onTimeout: () => void, reply: Promise<unknown>): Promise<unknown> {
    const { tier, address, clock } = this.#options
    try {
      return await withinDeadline(reply, timeoutMs, clock, () => {
        onTimeout()
        return timedOut(tier, address, timeoutMs)
      })
    } catch (error) {
      throw unavailable(tier, address, error)
    }
  }
}
