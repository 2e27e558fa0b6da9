import type { Clock } from '@tidemark/core'
import type { Redis } from 'ioredis'
import { timedOut, unavailable } from './command-errors.ts'
import { withinDeadline } from './deadline.ts'
import type { Script } from './scripts/script.ts'

export type Argument = string | Buffer | number
export type Command = readonly [name: string, ...args: Argument[]]

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
  /** How many were sent. Replies come in this order: what a later command says is newer. */
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

  /** Several commands, sent together; answers in their order. The first one that fails fails all. */
  callAll(commands: readonly Command[]): Promise<readonly unknown[]> {
    const { commandTimeoutMs, onTimeout } = this.#options
    return this.#within(commandTimeoutMs, () => onTimeout(this), this.#sendAll(commands))
  }

  /** As {@link callAll} and {@link probe}. */
  probeAll(commands: readonly Command[], timeoutMs: number): Promise<readonly unknown[]> {
    return this.#within(timeoutMs, () => {}, this.#sendAll(commands))
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

  #sendAll(commands: readonly Command[]): Promise<readonly unknown[]> {
    return Promise.all(commands.map(([command, ...args]) => this.#send(command, args)))
  }

  #send(command: string, args: readonly Argument[]): Promise<unknown> {
    this.commands++
    return this.client.callBuffer(command, args as Argument[])
  }

  async #within<T>(timeoutMs: number, onTimeout: () => void, reply: Promise<T>): Promise<T> {
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
