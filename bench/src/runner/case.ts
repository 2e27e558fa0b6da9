/** Where a contender may put things, and what it may use. */
export interface Place {
  /** An empty folder of its own. */
  readonly folder: string
  /** An empty database of its own in the run's private Redis; '' for cases that need none. */
  readonly redisUrl: string
  /** Smaller data, for a look instead of a measurement. */
  readonly quick: boolean
}

/** A contender that is ready to be measured, alone in its process. */
export interface Subject {
  /**
   * Does the work `times` times. This, and nothing else, is timed.
   * @returns the milliseconds that count, where those are not the ones that pass: of the processor, or of waiting
   */
  run(times: number): Promise<number | void> | number | void
  /** Outside of the measured time, before every run. */
  prepare?(): Promise<void>
  /** Before the first and after the last round. @throws when the results are not what they must be */
  check?(): Promise<void>
  /** Figures besides the time, asked for after the last round. */
  notes?(): Promise<Notes>
  close(): Promise<void>
}

export type Notes = Readonly<Record<string, number | string>>

export interface Contender {
  readonly name: string
  /** Drivers are imported in here, so that each process loads only its own contender. */
  open(place: Place): Promise<Subject>
}

/** What a case is to show. A bound that is left out makes a row for information. */
export type Target =
  /** How many times faster `ours` is than the fastest of `against`. */
  | {
      readonly kind: 'times'
      readonly ours: string
      readonly against: readonly string[]
      readonly atLeast?: number
      /** So many operations per second will do, too. */
      readonly orRate?: number
      /** How the target calls them. @default the only name in `against` */
      readonly called?: string
    }
  /** What `with` costs on top of `without`, as a share of it. */
  | {
      readonly kind: 'overhead'
      readonly with: string
      readonly without: string
      readonly atMost?: number
      /** Over how many the cost on top is spread. @default 1 */
      readonly among?: number
    }
  /** Operations per second. */
  | { readonly kind: 'rate'; readonly ours: string; readonly of: string; readonly atLeast: number }
  /** A figure from the notes of `ours`. */
  | {
      readonly kind: 'limit'
      readonly ours: string
      readonly note: string
      readonly unit: string
      readonly below: number
    }
  /** The time, and the notes, without a comparison. */
  | { readonly kind: 'figure'; readonly ours: string; readonly per: string }

export interface Case {
  /** kebab-case. */
  readonly name: string
  /** One line: what is done. */
  readonly measures: string
  readonly needsRedis: boolean
  readonly contenders: readonly Contender[]
  readonly targets: readonly Target[]
  /**
   * For what cannot be repeated in rounds of any length.
   * `times`: the operations of a round; otherwise as many as fill the round. `rounds`: instead of the chosen number.
   */
  readonly fixed?: { readonly times: number; readonly quickTimes: number; readonly rounds?: number }
}
