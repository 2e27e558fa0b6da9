import type { Clock } from '@tidemark/core'
import type { CallFate, ExecutedCall, NetworkCall, NetworkClient, Wire } from './network-call.ts'
import { SimulatedConnection } from './simulated-connection.ts'
import type { SimulatedServer } from './simulated-server.ts'

export interface SimulatedNetworkOptions {
  readonly clock: Clock
  /** Where clients are led, unless they are routed elsewhere. */
  readonly server: SimulatedServer
  /** @default nothing takes any time, and nothing is lost */
  readonly fateOf?: ((call: NetworkCall) => CallFate) | undefined
  /** Called whenever a server has executed a command, also when nobody will ever learn of it. */
  readonly onExecuted?: ((call: ExecutedCall) => void) | undefined
}

const SMOOTH: CallFate = { before: 0, after: 0 }

/** What lies between processes and servers. */
export class SimulatedNetwork implements Wire {
  readonly #clock: Clock
  readonly #fateOf: (call: NetworkCall) => CallFate
  readonly #onExecuted: (call: ExecutedCall) => void
  readonly #routes = new Map<string, SimulatedServer>()
  readonly #partitioned = new Set<string>()
  readonly #connections = new Set<SimulatedConnection>()
  #server: SimulatedServer

  constructor({ clock, server, fateOf = () => SMOOTH, onExecuted = () => {} }: SimulatedNetworkOptions) {
    this.#clock = clock
    this.#onExecuted = onExecuted
    this.#server = server
    this.#fateOf = fateOf
  }

  get clock(): Clock {
    return this.#clock
  }

  /** Where the client gets when it connects the next time. */
  serverOf(client: string): SimulatedServer {
    return this.#routes.get(client) ?? this.#server
  }

  /** Leads this client elsewhere from its next connection on. */
  route(client: string, server: SimulatedServer): void {
    this.#routes.set(client, server)
  }

  /** Leads everybody there. Connections that are open stay open. */
  routeAll(server: SimulatedServer): void {
    this.#routes.clear()
    this.#server = server
  }

  /** The connections of this client break. What it has sent still arrives. */
  cut(client: string): void {
    for (const connection of this.#connections) if (connection.client.name === client) connection.cut()
  }

  /** Nothing gets through between this client and any server, in either direction, until {@link heal}. */
  partition(client: string): void {
    this.#partitioned.add(client)
  }

  /** What was held back gets through, late. */
  heal(client: string): void {
    this.#partitioned.delete(client)
    for (const connection of this.#connections) if (connection.client.name === client) connection.release()
  }

  isPartitioned(client: string): boolean {
    return this.#partitioned.has(client)
  }

  fateOf(call: NetworkCall): CallFate {
    return this.#fateOf(call)
  }

  executed(call: ExecutedCall): void {
    this.#onExecuted(call)
  }

  /** @returns undefined: there is no way through at present, which a client learns by waiting */
  connect(client: NetworkClient): SimulatedConnection | undefined {
    if (this.#partitioned.has(client.name)) return undefined
    const connection = new SimulatedConnection(this, client, this.serverOf(client.name))
    this.#connections.add(connection)
    return connection
  }
}
