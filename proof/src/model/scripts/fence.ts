import type { Server } from '../state/server.ts'
import type { Rules } from './rules.ts'

/** The highest seq that may have been executed in the key's stripe. */
export function fenceOf({ fences, base }: Server, key: number, { stripes }: Rules): number {
  return Math.max(fences[key % stripes]!, base)
}

/** Counts `seq` as executed: nothing that has not seen it is let in any more. */
export function raise(server: Server, key: number, seq: number, { stripes }: Rules): Server {
  const stripe = key % stripes
  const fences = server.fences[stripe]! >= seq ? server.fences : server.fences.with(stripe, seq)
  return executed(fences === server.fences ? server : { ...server, fences }, key, seq)
}

/** The highest seq of all keeps its mark; of two changes with one seq the first one stays. */
export function reach(server: Server, seq: number, mark: number, { keepsHighest, flaw }: Rules): Server {
  if (!keepsHighest || (seq <= server.highest && flaw !== 'highest-goes-back')) return server
  return { ...server, highest: seq, markOfHighest: mark }
}

/** Writes down that it was executed, without a trace in Redis. */
export function executed(server: Server, key: number, seq: number): Server {
  return server.executed[key]! >= seq ? server : { ...server, executed: server.executed.with(key, seq) }
}
