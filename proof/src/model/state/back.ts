/** A change, as the log holds it; its seq is its position, from 1. */
export interface Commit {
  readonly key: number
  readonly deletes: boolean
  /** Whether its writer was told that it succeeded. */
  readonly acknowledged: boolean
  /** See FrontRecord. */
  readonly history: number
}

/** What everybody agrees on about the shared front: FrontAgreement of the ports. */
export interface Agreement {
  /** 0: none. */
  readonly epoch: number
  /** NO_SERVER: none. */
  readonly server: number
  readonly term: number
  readonly suspended: boolean
  /** How long a certificate lives at most that is sampled in this term; and how long writers wait. */
  readonly bound: Bound
  readonly wait: Bound
}

/** Some processes want to be bounded more loosely than others. */
export const SHORT = 1
export const LONG = 2
export type Bound = 1 | 2

export interface Back {
  readonly log: readonly Commit[]
  readonly agreement: Agreement
  readonly history: number
  readonly backup: { readonly head: number; readonly agreement: Agreement } | undefined
}

export const NO_SERVER = -1

/** The answer of the back tier for a key: a value with the seq that wrote it, or its absence, with the head. */
export interface Answer {
  readonly version: number
  readonly absent: boolean
  readonly history: number
  readonly asOf: number
}

/** The seq of the last change of the key up to `upTo`; 0: none. */
export function lastChange(log: readonly Commit[], key: number, upTo: number = log.length): number {
  for (let seq = Math.min(upTo, log.length); seq > 0; seq--) if (log[seq - 1]!.key === key) return seq
  return 0
}

/** The history that the change at `seq` belongs to. What was there before the first one belongs to the first. */
export function historyAt(log: readonly Commit[], seq: number): number {
  return log[seq - 1]?.history ?? 0
}

/** Keys exist from the start, with version 0, unless `bornAbsent`. */
export function isAbsent(log: readonly Commit[], key: number, bornAbsent: boolean): boolean {
  const seq = lastChange(log, key)
  return seq === 0 ? bornAbsent : log[seq - 1]!.deletes
}

export function readBack({ log }: Back, key: number, bornAbsent: boolean): Answer {
  const asOf = log.length
  const absent = isAbsent(log, key, bornAbsent)
  const version = absent ? asOf : lastChange(log, key)
  return { version, absent, history: historyAt(log, version), asOf }
}

/** Changes the agreement, as a new term. Writers wait no less than certificates of the term live. */
export function agree(back: Back, next: Partial<Omit<Agreement, 'term'>>): Back {
  const agreement = { ...back.agreement, ...next, term: back.agreement.term + 1 }
  return {
    ...back,
    agreement: { ...agreement, wait: agreement.wait > agreement.bound ? agreement.wait : agreement.bound },
  }
}
