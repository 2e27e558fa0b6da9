import { dropMeta, eviction, evictSome, flush, forgetScripts, killClients } from './data-faults.ts'
import type { Fault } from './fault.ts'
import { cut, holdReplies, holdRequests, latency, refuse, silence, stutter } from './network-faults.ts'
import { demote, oldDump, pauseRedis, promote, reachReplica, splitBrain } from './server-faults.ts'
import { killWorker, pauseWorker } from './worker-faults.ts'

/** Every fault, by the name that it has on the command line and in reports. */
export const FAULTS = {
  'kill-worker': killWorker,
  'pause-worker': pauseWorker,
  cut,
  refuse,
  silence,
  'hold-requests': holdRequests,
  'hold-replies': holdReplies,
  latency,
  stutter,
  'pause-redis': pauseRedis,
  flush,
  'drop-meta': dropMeta,
  eviction,
  'evict-some': evictSome,
  'kill-clients': killClients,
  'forget-scripts': forgetScripts,
  'old-dump': oldDump,
  promote,
  'split-brain': splitBrain,
  'reach-replica': reachReplica,
  demote,
} as const satisfies Record<string, Fault>

export type FaultKind = keyof typeof FAULTS

export const FAULT_KINDS: readonly FaultKind[] = Object.keys(FAULTS) as FaultKind[]

export function isFaultKind(name: string): name is FaultKind {
  return Object.hasOwn(FAULTS, name)
}
