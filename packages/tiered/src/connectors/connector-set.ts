import { type Clock, port } from '@tidemark/core'
import { BoundedConnector } from './bounded-connector.ts'
import type { Connector } from './connector.ts'

/** What a connector takes part in. */
interface Role<A> {
  readonly connector: BoundedConnector<A>
  /** Whether reads ask it. */
  reads: boolean
}

/** The connectors of a buffer, in their order. They change while one is migrated to another. */
export class ConnectorSet<A> {
  readonly #clock: Clock
  readonly #timeoutMs: number
  #roles: Role<A>[] = []

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  get all(): readonly BoundedConnector<A>[] {
    return this.#roles.map(({ connector }) => connector)
  }

  /** Those that reads ask. */
  get asked(): readonly BoundedConnector<A>[] {
    return this.#roles.filter(({ reads }) => reads).map(({ connector }) => connector)
  }

  /** Does not connect it. @throws TypeError: it is no connector, or there is one of that id */
  add(connector: Connector<A>, reads: boolean): BoundedConnector<A> {
    port('a connector', connector, ['connect', 'disconnect', 'read', 'write'])
    const { id } = connector
    if (typeof id !== 'string' || id === '') throw new TypeError('a connector needs an id')
    if (this.has(id)) throw new TypeError(`two connectors of a buffer have the id ${id}`)
    const bounded = new BoundedConnector(connector, this.#clock, this.#timeoutMs)
    this.#roles.push({ connector: bounded, reads })
    return bounded
  }

  has(id: string): boolean {
    return this.#roles.some(({ connector }) => connector.id === id)
  }

  /** @throws TypeError when there is none of that id */
  get(id: string): BoundedConnector<A> {
    const role = this.#roles.find(({ connector }) => connector.id === id)
    if (role === undefined) throw new TypeError(`no connector of this buffer has the id ${id}`)
    return role.connector
  }

  /** Does not disconnect it. */
  remove(id: string): void {
    this.#roles = this.#roles.filter(({ connector }) => connector.id !== id)
  }

  /** One takes the place of the other, which is removed. */
  replace(id: string, by: BoundedConnector<A>): void {
    this.#roles = this.#roles.flatMap((role): Role<A>[] => {
      if (role.connector.id === id) return [{ connector: by, reads: true }]
      return role.connector === by ? [] : [role]
    })
  }

  /** The ids of those that reads would ask if one took the place of the other. */
  named(id?: string, by?: string): string {
    return this.asked.map((connector) => (connector.id === id ? by : connector.id)).join(',')
  }

  async disconnect(): Promise<void> {
    const ended = await Promise.allSettled(this.all.map((connector) => connector.disconnect()))
    const failed = ended.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
}
