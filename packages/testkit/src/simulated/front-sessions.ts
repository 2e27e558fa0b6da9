import { afterTurn, type FrontLook, type FrontSession, TidemarkError } from '@tidemark/core'
import { type ServerLook, ServerRefusal } from './commands.ts'
import type { FrontFlaw } from './flaws.ts'
import type { SimulatedCommand, SimulatedConnection } from './simulated-connection.ts'
import type { NetworkClient } from './network-call.ts'
import type { SimulatedNetwork } from './simulated-network.ts'

/** Replies that carry no epoch: a plain read goes on in a session whose epoch the server has left already. */
const TELLS_NOTHING: ReadonlySet<string> = new Set(['read', 'records', 'discard', 'announce', 'complete'])

export interface FrontSessionsOptions {
  readonly tier: string
  readonly network: SimulatedNetwork
  readonly client: NetworkClient
  readonly commandTimeoutMs: number
  readonly reconnectMs: number
  readonly hungAfterMs: number
  readonly flaws: readonly FrontFlaw[]
}

/** What the reply to a command tells of the server. */
interface Said {
  readonly command: string
  readonly server: string
  readonly epoch: string | undefined
}

/** Keeps a connection, runs commands on it within their time, and knows which session is under way. */
export class FrontSessions {
  readonly #options: FrontSessionsOptions
  readonly #listeners = new Set<(session: FrontSession | undefined) => void>()
  #connection: SimulatedConnection | undefined
  /** Nobody uses the connection until a probe has succeeded. */
  #isInDoubt = false
  #session: FrontSession | undefined
  #cancel: () => void = () => {}
  #isClosed = false

  constructor(options: FrontSessionsOptions) {
    this.#options = options
    this.#connect()
  }

  get current(): FrontSession | undefined {
    return this.#session
  }

  /** @throws TidemarkError FRONT_UNAVAILABLE when there is none to use. */
  connection(): SimulatedConnection {
    if (this.#connection === undefined) throw this.#unavailable('it is not connected')
    // What is sent with the first probe arrives after it.
    if (this.#isInDoubt) throw this.#unavailable('it did not answer')
    return this.#connection
  }

  async look(): Promise<FrontLook> {
    const look = await this.run({ command: 'look', execute: (server) => server.look() })
    const session = this.#session
    if (session === undefined) throw this.#unavailable('its session ended')
    return lookIn(session, look)
  }

  /** @throws TidemarkError FRONT_UNAVAILABLE, TIMEOUT */
  async run<T>(command: SimulatedCommand<T>): Promise<T> {
    return this.runOn(this.connection(), command)
  }

  /** As {@link run}, on a connection that was in use before. */
  runOn<T>(connection: SimulatedConnection, command: SimulatedCommand<T>): Promise<T> {
    return this.#within(this.#options.commandTimeoutMs, () => this.#suspend(connection), connection, command)
  }

  reconnect(): void {
    this.#connection?.cut()
  }

  onSession(listener: (session: FrontSession | undefined) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  close(): void {
    this.#isClosed = true
    this.#cancel()
    this.#connection?.cut()
  }

  #within<T>(
    timeoutMs: number,
    onTimeout: () => void,
    connection: SimulatedConnection,
    { command, about, execute }: SimulatedCommand<T>,
  ): Promise<T> {
    const { tier, client } = this.#options
    return new Promise<T>((resolve, reject) => {
      const late = (): void => {
        if (isSettled) return
        reject(
          new TidemarkError('TIMEOUT', `front "${tier}" did not answer within ${timeoutMs} ms`, {
            retryable: true,
            tier,
          }),
        )
        onTimeout()
      }
      let isSettled = false
      // What has arrived by then still counts.
      const cancel = client.clock.schedule(timeoutMs, () => afterTurn(late))
      const settle = (): void => {
        isSettled = true
        cancel()
      }
      const executed = connection.call({
        command,
        about,
        execute: (server) => {
          const value = execute(server)
          const { server: name, epoch } = server.look()
          return {
            value,
            said: TELLS_NOTHING.has(command)
              ? undefined
              : { command, server: this.#has('servers-look-alike') ? '' : name, epoch },
          }
        },
      })
      executed.then(
        ({ value, said }) => {
          settle()
          if (said !== undefined) this.#learn(connection, said)
          resolve(value)
        },
        (error: unknown) => {
          settle()
          reject(this.#unavailable(error instanceof Error ? error.message : String(error), error))
        },
      )
    })
  }

  #connect(): void {
    const { network, client } = this.#options
    const connection = network.connect(client)
    if (connection === undefined) return this.#retry(() => this.#connect())
    this.#connection = connection
    this.#isInDoubt = false
    connection.onEnd(() => this.#end(connection))
    this.#probe(connection)
  }

  #end(connection: SimulatedConnection): void {
    if (connection !== this.#connection) return
    this.#connection = undefined
    if (!this.#has('session-survives-reconnect')) this.#enter(undefined)
    this.#retry(() => this.#connect())
  }

  #suspend(connection: SimulatedConnection): void {
    if (connection !== this.#connection || this.#isInDoubt) return
    this.#isInDoubt = true
    if (!this.#has('session-survives-reconnect')) this.#enter(undefined)
    this.#probe(connection)
  }

  #probe(connection: SimulatedConnection): void {
    const { hungAfterMs } = this.#options
    const giveUp = (): void => connection.cut()
    const answered = this.#within(hungAfterMs, giveUp, connection, {
      command: 'probe',
      execute: (server) => server.look(),
    })
    answered.catch((error: unknown) => {
      if (connection !== this.#connection) return
      this.#isInDoubt = true
      // It answers, if only to refuse: asking again is enough.
      if (isRefusal(error)) this.#retry(() => this.#probe(connection))
      else giveUp()
    })
  }

  #retry(run: () => void): void {
    const { client, reconnectMs } = this.#options
    if (!this.#isClosed) this.#cancel = client.clock.schedule(reconnectMs, run)
  }

  /** Replies of one connection come in the order in which the server acted. */
  #learn(connection: SimulatedConnection, { command, server, epoch }: Said): void {
    if (connection !== this.#connection || (this.#isInDoubt && command !== 'probe')) return
    this.#isInDoubt = false
    const known = this.#session
    const isSameServer = known?.server === server || this.#has('session-survives-reconnect')
    if (known === undefined || !isSameServer || known.epoch !== epoch) this.#enter(Object.freeze({ server, epoch }))
  }

  #enter(session: FrontSession | undefined): void {
    if (this.#session === session) return
    this.#session = session
    for (const listener of Array.from(this.#listeners)) listener(session)
  }

  #has(flaw: FrontFlaw): boolean {
    return this.#options.flaws.includes(flaw)
  }

  #unavailable(why: string, cause?: unknown): TidemarkError {
    const { tier } = this.#options
    const message = `front "${tier}" cannot be used: ${why}`
    return new TidemarkError('FRONT_UNAVAILABLE', message, { retryable: true, tier, cause })
  }
}

export function lookIn(session: FrontSession, { watermark, mark, tailer, highest }: ServerLook): FrontLook {
  return { session, watermark, mark, tailer, highest }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof ServerRefusal
}
