import type { NetworkClient, Wire } from './network-call.ts'
import type { SimulatedServer } from './simulated-server.ts'

/** The connection ended before the reply came; the command may have been executed. */
class ConnectionBroken extends Error {
  override readonly name = 'ConnectionBroken'
  constructor() {
    super('the connection is closed')
  }
}

export interface SimulatedCommand<T> {
  readonly command: string
  /** For traces. */
  readonly about?: unknown
  readonly execute: (server: SimulatedServer) => T
}

/** One connection: commands arrive in the order in which they were sent, and so do their replies. */
export class SimulatedConnection {
  readonly client: NetworkClient
  readonly server: SimulatedServer
  readonly #network: Wire
  readonly #waiting = new Set<(error: Error) => void>()
  readonly #stopListening: () => void
  #isOpen = true
  #onEnd: () => void = () => {}
  #arrivedAt = 0
  #repliedAt = 0
  /** Commands that are on their way: a quick one must not overtake them. */
  #inFlight = 0
  #isStalledThere = false
  #isStalledBack = false
  #held: (() => void)[] = []

  constructor(network: Wire, client: NetworkClient, server: SimulatedServer) {
    this.#network = network
    this.client = client
    this.server = server
    this.#stopListening = server.onRestart(() => this.#lose())
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  onEnd(listener: () => void): void {
    this.#onEnd = listener
  }

  /** @throws ConnectionBroken, or what the server refused with. Waits for ever when nothing comes back. */
  call<T>({ command, about, execute }: SimulatedCommand<T>): Promise<T> {
    if (!this.#isOpen) return Promise.reject(new ConnectionBroken())
    const client = this.client.name
    const { before, after, fault } = this.#network.fateOf({ client, command })
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject)
      const settle = (how: () => void): void => {
        if (this.#waiting.delete(reject)) how()
      }
      const run = (): void => {
        const outcome = attempt(() => execute(this.server))
        const answer = 'error' in outcome ? outcome.error : outcome.value
        this.#network.executed({ client, command, about, answer, server: this.server.runId })
        if (fault === 'cut-after') return this.cut()
        if (fault === 'stall-after') this.#isStalledBack = true
        this.#reply(after, () => settle(() => ('error' in outcome ? reject(outcome.error) : resolve(outcome.value))))
      }
      this.#send(before, () => {
        if (fault === 'cut-before') return this.cut()
        if (fault === 'stall-before') this.#isStalledThere = true
        if (!this.#isStalledThere) this.server.receive(run)
      })
      if (fault === 'cut-now') this.cut()
    })
  }

  /** The connection breaks. What was sent on it still arrives, and is executed. */
  cut(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#stopListening()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const reject of waiting) reject(new ConnectionBroken())
    this.#onEnd()
  }

  /** What a partition held back gets through. */
  release(): void {
    const held = this.#held
    this.#held = []
    for (const pass of held) pass()
  }

  /** The server is another one now: what is on its way does not arrive there. */
  #lose(): void {
    this.#isStalledThere = true
    this.#held = []
    this.cut()
  }

  #send(delayMs: number, arrive: () => void): void {
    const { clock } = this.#network
    const pass = (): void => this.#pass(arrive)
    const now = clock.monotonic()
    this.#arrivedAt = Math.max(this.#arrivedAt, now + delayMs)
    const wait = this.#arrivedAt - now
    if (wait === 0 && this.#inFlight === 0) return pass()
    this.#inFlight++
    clock.schedule(wait, () => {
      this.#inFlight--
      pass()
    })
  }

  #reply(delayMs: number, arrive: () => void): void {
    if (this.#isStalledBack) return
    const { clock } = this.client
    const now = clock.monotonic()
    this.#repliedAt = Math.max(this.#repliedAt, now + delayMs)
    const wait = this.#repliedAt - now
    if (delayMs === 0 && wait === 0) this.#pass(arrive)
    else clock.schedule(wait, () => this.#pass(arrive))
  }

  #pass(go: () => void): void {
    if (this.#network.isPartitioned(this.client.name)) this.#held.push(() => this.#pass(go))
    else go()
  }
}

function attempt<T>(run: () => T): { readonly value: T } | { readonly error: Error } {
  try {
    return { value: run() }
  } catch (error) {
    return { error: error as Error }
  }
}
