import type { Scenario } from '../scenarios/scenario.ts'
import { type Follower, IDLE, type Near, type Reader, READY, type Writer } from './processes.ts'
import { NO_SERVER, SHORT } from './back.ts'
import type { Server } from './server.ts'
import type { State } from './state.ts'

export const IDLE_FOLLOWER: Omit<Follower, 'at' | 'mayClaim' | 'checked'> = {
  phase: IDLE,
  from: 0,
  readIn: 0,
  keys: [],
  epoch: 0,
  mark: 0,
  nonce: 0,
  term: 0,
  head: 0,
}

export const IDLE_WRITER: Omit<Writer, 'at'> = {
  phase: READY,
  key: 0,
  seq: 0,
  epoch: 0,
  history: 0,
  agreedServer: NO_SERVER,
  agreedTerm: 0,
  suspended: false,
  agreedWait: SHORT,
  appliedAt: NO_SERVER,
  told: false,
}

/** Of a process that has just begun. */
export function nothingNear(keys: number): Near {
  const fences = Array.from({ length: keys }, () => 0)
  return { started: false, watermark: 0, floor: 0, fences, records: fences.map(() => undefined), fill: undefined }
}

/** Everything is as it should be: one empty server, in epoch 1, which all are connected to and have agreed on. */
export function initialState({ keys, stripes, writers, readers, followers, near, takeover }: Scenario): State {
  const perKey = <T>(value: T): readonly T[] => Array.from({ length: keys }, () => value)
  const server: Server = {
    records: perKey(undefined),
    epoch: 1,
    watermark: 0,
    base: 0,
    nonce: 0,
    fences: Array.from({ length: stripes }, () => 0),
    mark: 0,
    highest: 0,
    markOfHighest: 0,
    executed: perKey(0),
  }
  const reader: Reader = {
    at: 0,
    mayClaim: false,
    checked: true,
    certificate: undefined,
    sample: undefined,
    fill: undefined,
  }
  return {
    back: {
      log: [],
      agreement: { epoch: 1, server: 0, term: 1, suspended: false, bound: SHORT, wait: SHORT },
      history: 0,
      backup: undefined,
    },
    servers: takeover === undefined ? [server] : [server, undefined],
    copy: takeover === undefined ? undefined : server,
    writers: writers.map(() => ({ ...IDLE_WRITER, at: 0 })),
    readers: Array.from({ length: readers }, () => reader),
    followers: Array.from({ length: followers }, () => ({ ...IDLE_FOLLOWER, at: 0, mayClaim: false, checked: true })),
    near: near ? nothingNear(keys) : undefined,
    spent: { losses: 0, copies: 0, starts: 1 },
  }
}
