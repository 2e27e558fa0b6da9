/** A process that writes once. */
export interface WriterKind {
  readonly policy: 'through' | 'around'
  readonly op: 'set' | 'delete'
  /** It runs in the process of the first reader, whose near memory takes its commits. */
  readonly near?: boolean | undefined
}

/** A small configuration that is explored exhaustively. */
export interface Scenario {
  readonly name: string
  readonly about: string
  /** Small enough for the tests. */
  readonly quick: boolean
  readonly keys: number
  readonly stripes: number
  /** Keys do not exist from the start. */
  readonly bornAbsent: boolean
  readonly writers: readonly WriterKind[]
  readonly readers: number
  readonly followers: number
  /** How many of the readers want their certificates to live longer than everybody else's. */
  readonly longReaders: number
  readonly near: boolean
  /** Readers need a certificate, and acknowledgement is strict. Otherwise every reader believes the front it sees. */
  readonly certificates: boolean
  /** Whether writers are told that they succeeded. Without, only what the parts promise to one another is looked at. */
  readonly acknowledges: boolean
  /** Whether an announcement may arrive long after it was decided on, and may be refused. Otherwise it arrives at once. */
  readonly lateStarts: boolean
  /**
   * Whether a front keeps the highest seq that it has executed, with its mark. Otherwise the watermark alone tells where
   * it stands.
   */
  readonly keepsHighest: boolean
  readonly faults: Faults
  readonly takeover: Takeover | undefined
  /** How many losses of meta, or of everything, there may be. */
  readonly maxLosses: number
  /** How many times the replica takes over what the server holds, or a snapshot is saved. */
  readonly maxCopies: number
  /** How many epochs may be started; the first is there from the start. */
  readonly maxStarts: number
  /** How many terms of the agreement there may be; the first is there from the start. */
  readonly maxTerms: number
}

/** Which of them may happen, each at any time. */
interface Faults {
  /** A record is evicted, or its time has come. */
  readonly evict: boolean
  readonly loseMeta: boolean
  readonly flush: boolean
  /** A writer or a follower is killed between any two of its steps. */
  readonly crash: boolean
  /** Memory runs out in the middle of a script. */
  readonly outOfMemory: boolean
  /** A writer cannot reach the front, and suspends it. */
  readonly suspend: boolean
  /** A backup of the back tier is made, and later restored and declared: once. */
  readonly restore: boolean
  /**
   * The same, undeclared, but only when every front has something that tells: a watermark past the backup; or, where it
   * keeps the highest executed seq, an execution past it. And then no writer reaches it before somebody has looked at it.
   */
  readonly undeclaredRestore: boolean
  /** What processes had sent before the restore may arrive after it. */
  readonly orphans: boolean
}

/** How another server takes the place of the first one: once. */
export interface Takeover {
  /** `restart`: the same server, from an old snapshot file. `failover`: its replica is promoted. */
  readonly kind: 'restart' | 'failover'
  /** The old one answers whoever is still connected to it. */
  readonly zombie: boolean
  /** New connections may lead to either of the two. */
  readonly back: boolean
}

const NO_FAULTS: Faults = {
  evict: false,
  loseMeta: false,
  flush: false,
  crash: false,
  outOfMemory: false,
  suspend: false,
  restore: false,
  undeclaredRestore: false,
  orphans: false,
}

const SMALLEST: Omit<Scenario, 'name' | 'about'> = {
  quick: true,
  keys: 1,
  stripes: 1,
  bornAbsent: false,
  writers: [],
  readers: 1,
  followers: 1,
  longReaders: 0,
  near: false,
  certificates: true,
  acknowledges: true,
  lateStarts: false,
  keepsHighest: false,
  faults: NO_FAULTS,
  takeover: undefined,
  maxLosses: 0,
  maxCopies: 0,
  maxStarts: 1,
  maxTerms: 1,
}

type Chosen = Pick<Scenario, 'name' | 'about'> &
  Partial<Omit<Scenario, 'faults'>> & { readonly faults?: readonly (keyof Faults)[] | undefined }

/** The smallest scenario, but for what is chosen. */
export function scenario({ faults = [], ...chosen }: Chosen): Scenario {
  const happen = Object.fromEntries(faults.map((fault) => [fault, true]))
  return { ...SMALLEST, ...chosen, faults: { ...NO_FAULTS, ...happen } }
}

/** So many writers that are alike. */
export function writers(count: number, kind: Partial<WriterKind> = {}): readonly WriterKind[] {
  return Array.from({ length: count }, () => ({ policy: 'through', op: 'set', ...kind }))
}
