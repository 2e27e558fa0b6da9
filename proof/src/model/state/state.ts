import type { Back } from './back.ts'
import type { Follower, Near, Reader, Writer } from './processes.ts'
import type { Server } from './server.ts'

/** How much of what is limited has happened already. */
interface Spent {
  readonly losses: number
  readonly copies: number
  /** Epochs and nonces that were handed out: none is ever used twice. */
  readonly starts: number
}

/** The whole system, between two steps. Immutable; what a step does not change is shared. */
export interface State {
  readonly back: Back
  /** By run: a server that restarts, or takes over, is another one. undefined: not there yet, or gone. */
  readonly servers: readonly (Server | undefined)[]
  /** What the replica, or the snapshot file, holds. */
  readonly copy: Server | undefined
  readonly writers: readonly Writer[]
  readonly readers: readonly Reader[]
  readonly followers: readonly Follower[]
  readonly near: Near | undefined
  readonly spent: Spent
}

export function withServer(state: State, run: number, server: Server): State {
  return { ...state, servers: state.servers.with(run, server) }
}

export function withWriter(state: State, i: number, change: Partial<Writer>): State {
  return { ...state, writers: state.writers.with(i, { ...state.writers[i]!, ...change }) }
}

export function withReader(state: State, i: number, change: Partial<Reader>): State {
  return { ...state, readers: state.readers.with(i, { ...state.readers[i]!, ...change }) }
}

export function withFollower(state: State, i: number, change: Partial<Follower>): State {
  return { ...state, followers: state.followers.with(i, { ...state.followers[i]!, ...change }) }
}
