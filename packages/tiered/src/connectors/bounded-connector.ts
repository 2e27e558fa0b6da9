import { type Clock, keepAlive } from '@tidemark/core'
import { ConnectorError } from './connector-error.ts'
import type { Connector, ConnectorWrite, FlushContext, Query } from './connector.ts'

/**
 * A connector that answers in time, or fails, and whose errors name it. A write that has not answered may still be made: until
 * it has answered, nothing else is written, and when it has succeeded, the same writes are not made again.
 */
export class BoundedConnector<A> {
  readonly id: string
  readonly #connector: Connector<A>
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** A write that has not answered in time. */
  #late: { readonly token: string; readonly answer: Promise<boolean> } | undefined

  constructor(connector: Connector<A>, clock: Clock, timeoutMs: number) {
    this.id = connector.id
    this.#connector = connector
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** What is connected too late is let go. */
  async connect(): Promise<void> {
    let connecting!: Promise<void>
    try {
      await this.#inTime((signal) => (connecting = this.#connector.connect({ signal })))
    } catch (error) {
      if (isLate(error)) connecting.then(() => this.disconnect()).catch(() => undefined)
      throw error
    }
  }

  disconnect(): Promise<void> {
    return this.#inTime((signal) => this.#connector.disconnect({ signal }))
  }

  /** One answer for each query. @throws TypeError when it breaks that: what it has left out would be taken for absent */
  async read(queries: readonly Query<A>[]): Promise<readonly unknown[]> {
    const values: unknown = await this.#inTime((signal) => this.#connector.read(queries, { signal }))
    if (Array.isArray(values) && values.length === queries.length) return values as readonly unknown[]
    const given = Array.isArray(values) ? String(values.length) : `a ${typeof values}`
    throw new TypeError(`the connector ${this.id} was asked for ${queries.length} values, not ${given}`)
  }

  async write(writes: readonly ConnectorWrite<A>[], context: FlushContext): Promise<void> {
    const late = this.#late
    if (late !== undefined) {
      const isWritten = await this.#inTime(() => late.answer)
      this.#late = undefined
      if (isWritten && late.token === context.token) return
    }
    let writing!: Promise<void>
    try {
      await this.#inTime((signal) => (writing = this.#connector.write(writes, { ...context, signal })))
    } catch (error) {
      if (isLate(error)) {
        const answer = writing.then(
          () => true,
          () => false,
        )
        this.#late = { token: context.token, answer }
      }
      throw error
    }
  }

  get storesCheckpoints(): boolean {
    return this.#connector.checkpoints !== undefined
  }

  async lastCheckpoint(): Promise<unknown> {
    const { checkpoints } = this.#connector
    return checkpoints && this.#inTime((signal) => checkpoints.last({ signal }))
  }

  /** What is thrown instead of a promise that is rejected fails as that does. */
  #inTime<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    // Work that never ends has nothing of its own that keeps the process until the time is up.
    return keepAlive(
      () =>
        new Promise<T>((resolve, reject) => {
          const cancel = this.#clock.schedule(this.#timeoutMs, () => {
            const error = ConnectorError.late(this.id, this.#timeoutMs)
            controller.abort(error)
            reject(error)
          })
          const work = (async () => call(controller.signal))()
          work.then(resolve, (error: unknown) => reject(ConnectorError.of(this.id, error))).finally(cancel)
        }),
    )
  }
}

function isLate(error: unknown): boolean {
  return error instanceof ConnectorError && error.code === 'TIMEOUT'
}
