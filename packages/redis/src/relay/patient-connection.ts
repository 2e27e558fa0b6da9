import { type Clock, keepAlive } from '@tidemark/core'
import { Connection, type ConnectionState } from '../connection.ts'
import type { Link } from '../link.ts'
import type { ResolvedClientOptions } from '../options.ts'

/** How long after a refusal the server is asked again. */
const PROBE_EVERY_MS = 250

/** A connection that one can wait for: for work in the background, which is not done until there is a server. */
export class PatientConnection {
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()

  constructor(options: ResolvedClientOptions, connectionName: string) {
    this.#clock = options.clock
    this.#connection = new Connection({
      ...options,
      connectionName,
      probeIntervalMs: PROBE_EVERY_MS,
      probesWhileUp: false,
      probe: async (link, timeoutMs) => void (await link.probe('PING', [], timeoutMs)),
      onLink: () => {},
      onState: () => this.#wake(),
    })
  }

  get state(): ConnectionState {
    return this.#connection.state
  }

  get address(): string {
    return this.#connection.address
  }

  /**
   * Resolves as soon as there is a link to use; undefined: it was closed first, or `withinMs` have passed. Who says how long
   * has somebody who waits for it; work in the background keeps no process alive.
   */
  up(withinMs: number = Infinity): Promise<Link | undefined> {
    const up = (): Promise<Link | undefined> => this.#up(withinMs)
    return withinMs === Infinity ? up() : keepAlive(up)
  }

  async #up(withinMs: number): Promise<Link | undefined> {
    const end = this.#clock.monotonic() + withinMs
    for (;;) {
      const { state } = this.#connection
      if (state === 'up') return this.#connection.use()
      const left = end - this.#clock.monotonic()
      if (state === 'closed' || left <= 0) return undefined
      await new Promise<void>((resolve) => {
        const cancel = left === Infinity ? (): void => {} : this.#clock.schedule(left, () => done())
        const done = (): void => {
          cancel()
          this.#waiting.delete(done)
          resolve()
        }
        this.#waiting.add(done)
      })
    }
  }

  /** Drops the link, which does not answer, and makes another one. */
  reconnect(): void {
    this.#connection.reconnect()
  }

  async close(): Promise<void> {
    await this.#connection.close()
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}
