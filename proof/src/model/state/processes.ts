import type { Answer, Bound } from './back.ts'

/** A process that writes once. */
export interface Writer {
  readonly phase: WriterPhase
  /** Which server its connection leads to. */
  readonly at: number
  readonly key: number
  readonly seq: number
  /** Of its session when it committed; 0: none. */
  readonly epoch: number
  readonly history: number
  /** What the commit's own transaction read. */
  readonly agreedServer: number
  readonly agreedTerm: number
  readonly suspended: boolean
  readonly agreedWait: Bound
  /** The server that it believes has executed APPLY; NO_SERVER: none. */
  readonly appliedAt: number
  /** Whether the near memory of its process has taken the commit. */
  readonly told: boolean
}

/** `orphaned`: the process is gone, what it has sent may still arrive. */
export const READY = 0
export const COMMITTED = 1
export const APPLIED = 2
export const DONE = 3
export const ORPHANED = 4
type WriterPhase = 0 | 1 | 2 | 3 | 4

/** What the back tier said: the head, and what was agreed. Of a time before it was asked. */
interface Sample {
  readonly head: number
  readonly epoch: number
  readonly server: number
  readonly term: number
  readonly bound: Bound
}

/** The proof that the front which the reader is connected to has executed everything up to `head`. */
export interface Certificate {
  readonly head: number
  readonly epoch: number
  /**
   * The time from which its lifetime Δ counts, as everybody can tell it: what the head and the term were then. Whoever
   * has waited for Δ since a later head, or a later term, knows that it has ended.
   */
  readonly sinceHead: number
  readonly sinceTerm: number
  /** How long it lives from then on. */
  readonly bound: Bound
}

/** An answer of the back tier on its way into a shared front. */
export interface PendingFill extends Answer {
  readonly key: number
  /** Of the session when the back tier was asked. */
  readonly epoch: number
  /** The history of the log that was read; when there is another one, its sender is gone. */
  readonly readIn: number
  /** What was executed on the key when the back tier was asked; only leases (a mutant) ask. */
  readonly lease: number
}

/** A process that reads, and fills. */
export interface Reader {
  readonly at: number
  readonly mayClaim: boolean
  /** It has compared the mark with the log since it began: this is done once. */
  readonly checked: boolean
  readonly certificate: Certificate | undefined
  readonly sample: Sample | undefined
  readonly fill: PendingFill | undefined
}

export const IDLE = 0
export const TAILING = 1
/** Only where TAIL is not atomic (a mutant): the watermark has moved, the rest is to come. */
export const HALF_TAILED = 2
export const ANNOUNCED = 3
export const AGREED = 4
/** Only where the head is read before the announcement (a mutant). */
export const HEAD_READ = 5
/** It has found that the front needs a start, and has sent its announcement. */
export const DECIDED = 6
type FollowerPhase = 0 | 1 | 2 | 3 | 4 | 5 | 6

/** A process that repairs the front. */
export interface Follower {
  readonly phase: FollowerPhase
  readonly at: number
  readonly mayClaim: boolean
  /** See Reader. */
  readonly checked: boolean
  /** Of a step of the tail: where it starts, the keys of its changes, the epoch, the mark of the last; see PendingFill. */
  readonly from: number
  readonly readIn: number
  readonly keys: readonly number[]
  readonly epoch: number
  readonly mark: number
  /** Of a start from nothing: its nonce, which is its epoch too; the term that it was decided in; the head. */
  readonly nonce: number
  readonly term: number
  readonly head: number
}

export interface NearRecord {
  readonly version: number
  readonly absent: boolean
}

/** The near memory in the process of the first reader. */
export interface Near {
  readonly started: boolean
  readonly watermark: number
  /** Of every key that is not remembered, no seq above this one was executed here. */
  readonly floor: number
  /** The highest seq executed on each key; 0: not remembered. */
  readonly fences: readonly number[]
  readonly records: readonly (NearRecord | undefined)[]
  readonly fill: (NearRecord & { readonly key: number; readonly asOf: number }) | undefined
}
