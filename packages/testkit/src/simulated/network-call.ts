import type { Clock } from '@tidemark/core'

/** What the network does to one command and its reply. Commands of one connection stay in order, and so do replies. */
export interface CallFate {
  /** Milliseconds on the way to the server. */
  readonly before: number
  /** Milliseconds on the way back. */
  readonly after: number
  /**
   * `cut-now`: the connection breaks as soon as the command has left, and the command arrives all the same ·
   * `cut-before`: the connection breaks before the command arrives · `cut-after`: it was executed, the connection breaks
   * before the reply leaves · `stall-before`, `stall-after`: from this command on, nothing more gets through, in one
   * direction, and nobody is told.
   */
  readonly fault?: 'cut-now' | 'cut-before' | 'cut-after' | 'stall-before' | 'stall-after' | undefined
}

export interface NetworkCall {
  readonly client: string
  readonly command: string
}

/** What a server has executed, for who wants to know how it came to something. */
export interface ExecutedCall extends NetworkCall {
  /** Which run of which server. */
  readonly server: string
  /** What the command is about. */
  readonly about: unknown
  /** What it answered, or the error that it refused with. */
  readonly answer: unknown
}

/** A process at the network, with its own view of time. */
export interface NetworkClient {
  readonly name: string
  readonly clock: Clock
}

/** What a connection needs of the network that it goes through. */
export interface Wire {
  readonly clock: Clock
  fateOf(call: NetworkCall): CallFate
  isPartitioned(client: string): boolean
  executed(call: ExecutedCall): void
}
