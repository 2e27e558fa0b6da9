import { afterTurn, type Clock, TidemarkError } from '@tidemark/core'
import { Redis } from 'ioredis'
import { isDisplaced, isRefusal, timedOut, unavailable } from './command-errors.ts'
import { addressOf, clientOptions, type RedisConnection } from './connection-settings.ts'
import { Link } from './link.ts'

/**
 * `connecting`: the first attempt is under way · `up` · `suspended`: connected, but the server does not answer, or not
 * usefully; one probe at a time waits for it · `waiting`: not connected, the next attempt comes by itself · `closed`
 */
export type ConnectionState = 'connecting' | 'up' | 'suspended' | 'waiting' | 'closed'

export interface ConnectionOptions {
  /** Of the tier, for messages. */
  readonly name: string
  readonly connection: RedisConnection
  readonly connectionName: string
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  /** How long after a probe the next one comes: while the server refuses and, with `probesWhileUp`, always. */
  readonly probeIntervalMs: number
  /** false: the calls show whether the server is alive. */
  readonly probesWhileUp: boolean
  readonly clock: Clock
  /** @returns 0 <= n < 1 */
  readonly random: () => number
  /** Whether the link is of use: runs before the first call, and while it is in doubt. Uses `link.probe` with this timeout. */
  readonly probe: (link: Link, timeoutMs: number) => Promise<void>
  /** A link begins or ends. */
  readonly onLink: (link: Link | undefined) => void
  readonly onState: (state: ConnectionState, error: TidemarkError | undefined) => void
}

const FIRST_BACKOFF_MS = 50
const LONGEST_BACKOFF_MS = 2_000
/** A server that has been silent for this long is connected to anew, so that what waits for it cannot pile up. */
const HUNG_AFTER_MS = 1_000
/** How often in a row a server may say that it is not the primary before its address is asked for again. */
const MAX_DISPLACED = 10

/** Keeps one link to the server, connecting again for as long as it takes, and says at once when there is none to use. */
export class Connection {
  readonly address: string
  readonly #options: ConnectionOptions
  #state: ConnectionState = 'connecting'
  #client: Redis | undefined
  #link: Link | undefined
  #error: TidemarkError | undefined
  #attempts = 0
  #cancel: () => void = () => {}
  #probing = false
  #displaced = 0
  /** How many probes in a row came to something, but took longer than a call may. */
  #slow = 0
  #ended: (() => void) | undefined
  links = 0
  timeouts = 0
  #pastCommands = 0

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.address = addressOf(options.connection)
    this.#connect()
  }

  get state(): ConnectionState {
    return this.#state
  }

  get error(): TidemarkError | undefined {
    return this.#error
  }

  /** How many commands were sent so far. */
  get commands(): number {
    return this.#pastCommands + (this.#link?.commands ?? 0)
  }

  /** @throws TidemarkError FRONT_UNAVAILABLE when there is no link that can be used now. */
  use(): Link {
    if (this.#state === 'up' && this.#link !== undefined) return this.#link
    const { name } = this.#options
    const why = this.#error === undefined ? 'it is not connected yet' : this.#error.message
    throw new TidemarkError(
      'FRONT_UNAVAILABLE',
      why.startsWith('front ') ? why : `front "${name}" cannot be used: ${why}`,
      {
        retryable: true,
        tier: name,
        cause: this.#error,
      },
    )
  }

  /** The link is in doubt: nobody uses it until a probe has succeeded. Nothing happens when it has ended. */
  suspend(link: Link, error: TidemarkError): void {
    // In doubt already, a probe is under way, or its time will come: calls from before do not hasten it.
    if (link !== this.#link || this.#state !== 'up') return
    this.#enter('suspended', error)
    if (this.#probing) return
    this.#cancel()
    void this.#probe(link)
  }

  /** Drops the link, and makes another one. */
  reconnect(): void {
    const link = this.#link
    if (link === undefined || this.#state === 'closed') return
    const { name } = this.#options
    this.#enter('suspended', unavailable(name, this.address, new Error('it is connected to anew')))
    destroy(link.client)
  }

  /** Drops the link, and what waits on it. Resolves when the socket is gone. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#cancel()
    this.#enter('closed', undefined)
    const client = this.#client
    if (client === undefined) return
    const ended = new Promise<void>((resolve) => (this.#ended = resolve))
    destroy(client)
    await ended
  }

  #connect(): void {
    const { connection, ...times } = this.#options
    const client = new Redis(clientOptions(connection, times))
    this.#client = client
    let failure: unknown
    // Always handled: an 'error' event without a listener would be printed, and a failed SELECT would go unnoticed.
    client.on('error', (error) => (failure ??= error))
    client.once('ready', () => {
      // Read anew with each command: see clientOptions.
      delete client.options.commandTimeout
      if (this.#client !== client || this.#state === 'closed') return
      if (failure !== undefined) destroy(client)
      else this.#begin(client)
    })
    client.once('end', () => this.#end(client, failure))
  }

  #begin(client: Redis): void {
    const { name, clock, commandTimeoutMs } = this.#options
    const link = new Link({ client, tier: name, address: this.address, clock, commandTimeoutMs, onTimeout: this.#late })
    this.links++
    this.#link = link
    this.#options.onLink(link)
    void this.#probe(link)
  }

  #end(client: Redis, failure: unknown): void {
    if (this.#client !== client) return
    const { name, clock, random } = this.#options
    this.#client = undefined
    if (this.#link !== undefined) {
      this.#pastCommands += this.#link.commands
      this.#link = undefined
      this.#options.onLink(undefined)
    }
    this.#ended?.()
    if (this.#state === 'closed') return
    this.#cancel()
    const longest = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#attempts++)
    // Jitter, so that a fleet does not return in one wave.
    this.#cancel = clock.schedule(longest * (0.5 + random() / 2), () => this.#connect())
    this.#enter(
      'waiting',
      unavailable(name, this.address, failure ?? this.#error ?? new Error('the connection was closed')),
    )
  }

  readonly #late = (link: Link): void => {
    this.timeouts++
    const { name, commandTimeoutMs } = this.#options
    this.suspend(link, timedOut(name, this.address, commandTimeoutMs))
  }

  async #probe(link: Link): Promise<void> {
    const { name, clock, commandTimeoutMs, probeIntervalMs, probesWhileUp } = this.#options
    this.#probing = true
    const late = (): TidemarkError => timedOut(name, this.address, commandTimeoutMs)
    let settled = false
    let isLate = false
    const notInTime = clock.schedule(commandTimeoutMs, () => {
      // As in `withinDeadline`: a busy event loop is no reason.
      afterTurn(() => {
        if (settled) return
        isLate = true
        if (link === this.#link && this.#state === 'up') this.#enter('suspended', late())
      })
    })
    let failure: unknown
    try {
      await this.#options.probe(link, Math.max(HUNG_AFTER_MS, commandTimeoutMs * 2))
    } catch (error) {
      failure = error
    }
    settled = true
    notInTime()
    this.#probing = false
    if (link !== this.#link || this.#state === 'closed') return
    if (failure === undefined) {
      this.#attempts = 0
      this.#displaced = 0
      if (isLate) {
        // Calls would time out, and end the session that the probe has begun, for ever in turn.
        this.#enter('suspended', late())
        const pause = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#slow++)
        this.#cancel = clock.schedule(pause, () => void this.#probe(link))
        return
      }
      this.#slow = 0
      this.#enter('up', undefined)
      if (!probesWhileUp) return
    } else {
      const error = unavailable(name, this.address, failure)
      this.#enter('suspended', error)
      // It answers, if only to refuse: asking again on the same link is enough. Silence needs another link.
      if (!isRefusal(error.cause)) return destroy(link.client)
      // After a failover its name may belong to another server.
      this.#displaced = isDisplaced(error.cause) ? this.#displaced + 1 : 0
      if (this.#displaced > MAX_DISPLACED) {
        this.#displaced = 0
        return destroy(link.client)
      }
    }
    this.#cancel = clock.schedule(probeIntervalMs, () => void this.#probe(link))
  }

  #enter(state: ConnectionState, error: TidemarkError | undefined): void {
    const changed = state !== this.#state
    this.#state = state
    this.#error = error
    if (changed) this.#options.onState(state, error)
  }
}

/** Ends the client now. Left to itself it waits for the other side to agree, which a hung server never does. */
function destroy(client: Redis): void {
  client.disconnect()
  // Undefined until the first attempt has a socket.
  const stream = client.stream as typeof client.stream | undefined
  stream?.destroy()
}
