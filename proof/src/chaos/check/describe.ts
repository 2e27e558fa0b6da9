import type { Micros } from '../clock.ts'
import type { LoadEvent, ReadEvent, WriteEvent } from '../history/events.ts'
import type { Interval } from './intervals.ts'

/** A fault, from before it was made until after it was healed. */
export interface FaultWindow extends Interval {
  readonly kind: string
  /** Whether a front may lack, for a while, what it has taken before. */
  readonly rollsBack: boolean
  /** What exactly, for whoever reads a report. */
  readonly note: string
}

/** Puts what happened into words, with times in ms since the start of the run. */
export class Describer {
  readonly #start: Micros
  readonly #faults: readonly FaultWindow[]

  constructor(start: Micros, faults: readonly FaultWindow[]) {
    this.#start = start
    this.#faults = faults
  }

  at(time: Micros): string {
    return Number.isFinite(time) ? `${((time - this.#start) / 1e3).toFixed(1)}` : 'never'
  }

  read({ session, via, key, invoke, return: end, id, version, tier }: ReadEvent): string {
    const what = id === undefined ? 'absent' : `${id}${version === undefined ? '' : ` (version ${version})`}`
    const from = tier === undefined ? '' : ` from ${tier}`
    return `${session} ${via} ${key} [${this.at(invoke)}, ${this.at(end)}] → ${what}${from}`
  }

  write({ session, op, key, invoke, id, ack }: WriteEvent): string {
    const end = ack === undefined ? 'open' : `${this.at(ack.return)}] → version ${ack.version}`
    return `${session} ${op} ${key} ${id} [${this.at(invoke)}, ${end}`
  }

  load({ session, key, id, startedAt }: LoadEvent): string {
    return `${session} loader of ${key} ${id} [${this.at(startedAt)}`
  }

  event(event: ReadEvent | WriteEvent): string {
    return event.kind === 'read' ? this.read(event) : this.write(event)
  }

  /** The faults that were under way, or had been within `before` µs. */
  faultsAround(from: Micros, to: Micros, before: Micros): string {
    const around = this.#faults.filter((fault) => fault.from <= to && fault.to + before >= from)
    if (around.length === 0) return 'no fault around'
    return around.map((f) => `${f.kind} [${this.at(f.from)}, ${this.at(f.to)}] ${f.note}`.trimEnd()).join('; ')
  }
}
