import { port } from '@tidemark/core'
import type { Connector, Query } from './connector.ts'

/** What a connector takes part in. */
export interface ConnectorRole<A> {
  readonly connector: Connector<A>
  /** Whether reads ask it. */
  reads: boolean
}

/** The connectors of a buffer. They change while one is migrated to another. */
export class ConnectorSet<A> {
  #roles: ConnectorRole<A>[] = []

  /** Those that are written to, in order. */
  readonly written = (): readonly Connector<A>[] => this.#roles.map(({ connector }) => connector)
  /** Those that are asked, in order. */
  readonly asked = (): readonly Connector<A>[] =>
    this.#roles.filter(({ reads }) => reads).map(({ connector }) => connector)

  /** Connects it. @throws TypeError: it is no connector, or there is one of that id; what `connect` throws */
  async add(connector: Connector<A>, reads: boolean): Promise<void> {
    port('a connector', connector, ['connect', 'disconnect', 'read', 'write'])
    if (typeof connector.id !== 'string' || connector.id === '') throw new TypeError('a connector needs an id')
    if (this.has(connector.id)) throw new TypeError(`two connectors of a buffer have the id ${connector.id}`)
    await connector.connect()
    this.#roles.push({ connector, reads })
  }

  has(id: string): boolean {
    return this.#roles.some(({ connector }) => connector.id === id)
  }

  get(id: string): Connector<A> {
    const role = this.#roles.find(({ connector }) => connector.id === id)
    if (role === undefined) throw new TypeError(`no connector of this buffer has the id ${id}`)
    return role.connector
  }

  /** From now on, reads ask the one and not the other. */
  readFrom(id: string, instead: string): void {
    for (const role of this.#roles) {
      if (role.connector.id === id) role.reads = true
      if (role.connector.id === instead) role.reads = false
    }
  }

  async remove(id: string): Promise<void> {
    const connector = this.get(id)
    this.#roles = this.#roles.filter((role) => role.connector !== connector)
    await connector.disconnect()
  }

  async disconnect(): Promise<void> {
    const ended = await Promise.allSettled(this.written().map((connector) => connector.disconnect()))
    const failed = ended.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
}

/**
 * What a connector has, one answer for each query.
 * @throws TypeError when it breaks that: what it has left out would be taken for absent; what it fails with
 */
export async function askedFor<A>(connector: Connector<A>, queries: readonly Query<A>[]): Promise<readonly unknown[]> {
  const values: unknown = await connector.read(queries)
  if (Array.isArray(values) && values.length === queries.length) return values as readonly unknown[]
  const given = Array.isArray(values) ? String(values.length) : `a ${typeof values}`
  throw new TypeError(`the connector ${connector.id} was asked for ${queries.length} values, not ${given}`)
}
