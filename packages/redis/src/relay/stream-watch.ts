import { type Clock, ClosedError, Waiters } from '@tidemark/core'
import type { Keyspace } from '../keyspace.ts'
import type { Link } from '../link.ts'
import { STREAM_FIELDS } from '../scripts/stream.ts'
import type { PatientConnection } from './patient-connection.ts'
import { readState } from './stream-state.ts'

/** How long the server is asked to wait for more. Also how soon it is noticed that the stream was started anew. */
const BLOCK_MS = 500
/** Longer than that without an answer, and the connection is dead: a socket whose other end has vanished is silent. */
const SILENT_MS = 2_000
/** While there is no stream, or it cannot be read. */
const PAUSE_MS = 50

/** Wakes who waits for a stream to grow. One blocked command serves all of them, on a connection that does nothing else. */
export class StreamWatch {
  readonly #connection: PatientConnection
  readonly #names: Keyspace
  readonly #clock: Clock
  readonly #waiters = new Waiters<number>()
  #watching = false
  #closed = false
  #generation: string | undefined

  constructor(connection: PatientConnection, names: Keyspace, clock: Clock) {
    this.#connection = connection
    this.#names = names
    this.#clock = clock
  }

  /** Resolves once the stream has grown past `after`, or was started anew. Through every outage. */
  async wait(after: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#closed) throw new ClosedError('the stream')
    const woken = this.#waiters.wait(after, signal)
    void this.#watch()
    await woken
  }

  close(): void {
    this.#closed = true
    this.#waiters.fail(new ClosedError('the stream'))
  }

  async #watch(): Promise<void> {
    if (this.#watching) return
    this.#watching = true
    while (this.#waiters.size > 0 && !this.#closed) {
      const link = await this.#connection.up()
      if (link === undefined) break
      try {
        const last = await this.#look(link)
        if (this.#waiters.size === 0) break
        if (last === undefined) await this.#pause()
        else
          await link.probe(
            'XREAD',
            ['COUNT', 1, 'BLOCK', BLOCK_MS, 'STREAMS', this.#names.stream, `${last}-0`],
            SILENT_MS,
          )
      } catch {
        // Whatever it was, another connection and a short pause are the answer; who waits goes on waiting.
        this.#connection.reconnect()
        await this.#pause()
      }
    }
    this.#watching = false
  }

  /** @returns where the stream ends; undefined: there is none */
  async #look(link: Link): Promise<number | undefined> {
    const reply = await link.probe('HMGET', [this.#names.streamMeta, ...STREAM_FIELDS], SILENT_MS)
    const state = readState(reply as (Buffer | null)[])
    if (state === undefined) return undefined
    const { generation, whole, last } = state
    const isAnew = this.#generation !== undefined && this.#generation !== generation
    this.#generation = generation
    // Half a commit is nothing to read yet.
    this.#waiters.wake((after) => isAnew || after < whole)
    return last
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#clock.schedule(PAUSE_MS, resolve))
  }
}
