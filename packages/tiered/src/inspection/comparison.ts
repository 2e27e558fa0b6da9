import {
  type Back,
  type Clock,
  compareBytes,
  CorruptError,
  type Entry,
  type Found,
  type FrontRecordPage,
  type FrontSession,
  parseKey,
  type Payload,
  type SharedFront,
  StoreKey,
  TidemarkError,
} from '@tidemark/core'

/** How often, and after what pause, a front is asked whether it has caught up before its records are judged. */
const PATIENCE = 100
const PAUSE_MS = 20

/**
 * A record that is not what the back tier says, in a front that claims to have executed the change that it lacks.
 * `stale`: an older version · `ahead`: a version that the log does not have · `altered`: the same version with another
 * value, meta, time of the commit or time at which the entry ends · `damaged`: no record can be read there, which counts as
 * none, and which the next read takes away · `foreign`: no key of a store has this name, so nobody ever reads it, and it
 * cannot be repaired: whoever put it there has to take it away
 */
export interface Difference {
  readonly tier: string
  /** The key, readable; of a `foreign` one, what stands where the key should. */
  readonly key: string
  readonly kind: 'stale' | 'ahead' | 'altered' | 'damaged' | 'foreign'
  /** undefined: what stands there is damaged, and does not say. */
  readonly version: number | undefined
  /** What the back tier has; undefined: the key does not exist. */
  readonly expected: number | undefined
}

/** What is compared with what. */
export interface Compared {
  readonly front: SharedFront
  /** The server and the epoch of the whole run; see {@link sessionOf}. */
  readonly session: FrontSession
  readonly back: Back
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface Comparison {
  readonly found: readonly Difference[]
  /** The head of the log that the front had caught up with before these were found; 0: nothing was found. */
  readonly asOf: number
  /** Records that differ, of which the front does not claim yet that they should not. */
  readonly undecided: number
}

/**
 * Asks the front what it is; what it said last may be from before its data was lost.
 * @throws TidemarkError FRONT_UNAVAILABLE when it has nothing that could be compared, or is not `before` any more.
 */
export async function sessionOf(front: SharedFront, before?: FrontSession): Promise<FrontSession> {
  const { session } = await front.look()
  if (session.epoch === undefined || (before !== undefined && !isSame(session, before))) throw interrupted(front)
  return session
}

/** Judges one page of records. @throws TidemarkError FRONT_UNAVAILABLE when the front is lost, or starts anew, meanwhile. */
export async function compare({ records, damaged }: FrontRecordPage, compared: Compared): Promise<Comparison> {
  const { name } = compared.front
  const keys: StoreKey[] = []
  const unreadable: StoreKey[] = []
  const foreign: Difference[] = []
  const sort = (id: string, known: StoreKey[], version?: number): void => {
    const key = keyOf(id)
    if (key === undefined) foreign.push({ tier: name, key: id, kind: 'foreign', version, expected: undefined })
    else known.push(key)
  }
  for (const { id, version } of records) sort(id, keys, version)
  for (const id of damaged) sort(id, unreadable)
  const { found, ...rest } = await compareKeys(keys, compared)
  return { found: [...foreign, ...(await damagedOnes(unreadable, compared)), ...found], ...rest }
}

/** Whatever stands in the back tier, and wherever the front does: these records are what nobody writes. */
async function damagedOnes(keys: readonly StoreKey[], { front, back }: Compared): Promise<readonly Difference[]> {
  if (keys.length === 0) return []
  const truth = await back.read(keys)
  return keys.map(({ id }, i) => {
    const expected = truth[i]!.entry?.version
    return { tier: front.name, key: id, kind: 'damaged', version: undefined, expected }
  })
}

async function compareKeys(keys: readonly StoreKey[], compared: Compared): Promise<Comparison> {
  const candidates = await compareOnce(keys, compared)
  if (candidates.length === 0) return { found: [], asOf: 0, undecided: 0 }
  // What was on its way when it was compared has arrived when the watermark has passed what it was compared with.
  const asOf = await caughtUp(compared)
  if (asOf === undefined) return { found: [], asOf: 0, undecided: candidates.length }
  const again = candidates.map(({ key }) => StoreKey.of(parseKey(key)))
  const remaining = await compareOnce(again, compared)
  const found = remaining.filter(({ key, version }) =>
    candidates.some((one) => one.key === key && one.version === version),
  )
  return { found, asOf, undecided: 0 }
}

/** @returns the head of the log that the front has caught up with; undefined: it does not */
async function caughtUp({ front, session, back, clock, signal }: Compared): Promise<number | undefined> {
  const head = await back.log.head()
  for (let looks = 0; ; looks++) {
    const look = await front.look()
    if (!isSame(look.session, session)) throw interrupted(front)
    if ((look.watermark ?? 0) >= head) return head
    if (looks === PATIENCE || signal.aborted) return undefined
    await clock.sleep(PAUSE_MS)
  }
}

async function compareOnce(
  keys: readonly StoreKey[],
  { front, session, back }: Compared,
): Promise<readonly Difference[]> {
  // Another object after a reconnection, which is nothing to worry about as long as nobody else has answered.
  const now = front.session
  if (now === undefined || !isSame(now, session)) throw interrupted(front)
  if (keys.length === 0) return []
  const held = await front.read(keys, now)
  // What ended with its session was not compared.
  if (front.session !== now) throw interrupted(front)
  // After the front: it cannot hold anything that is newer than this, except what was committed meanwhile.
  const truth = await back.read(keys)
  return keys.flatMap((key, i) => {
    const record = held[i]
    const kind = record && differenceOf(record, truth[i]!)
    if (record === undefined || kind === undefined) return []
    const { entry, asOf } = record
    return [
      { tier: front.name, key: key.id, kind, version: entry?.version ?? asOf, expected: truth[i]!.entry?.version },
    ]
  })
}

function differenceOf(record: Found, truth: Found): Difference['kind'] | undefined {
  const version = record.entry?.version ?? record.asOf
  if (version > truth.asOf) return 'ahead'
  const { entry } = truth
  if (record.entry === undefined) return entry !== undefined && entry.version > version ? 'stale' : undefined
  if (entry === undefined || entry.version > version) return 'stale'
  return isEqual(record.entry, entry) ? undefined : 'altered'
}

function isEqual(a: Entry, b: Entry): boolean {
  return (
    a.writtenAt === b.writtenAt &&
    a.expiresAt === b.expiresAt &&
    isSamePayload(a.payload, b.payload) &&
    isSamePayload(a.meta, b.meta)
  )
}

/** What a front holds may be bound by another key by now; what cannot be read there is another one. */
function isSamePayload(a: Payload | undefined, b: Payload | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  try {
    return a.isSameAs(b)
  } catch (error) {
    if (error instanceof CorruptError) return compareBytes(a.bytes, b.bytes) === 0
    throw error
  }
}

function isSame(a: FrontSession, b: FrontSession): boolean {
  return a.server === b.server && a.epoch === b.epoch
}

function keyOf(id: string): StoreKey | undefined {
  try {
    return StoreKey.of(parseKey(id))
  } catch (error) {
    if (error instanceof CorruptError) return undefined
    throw error
  }
}

function interrupted({ name }: SharedFront): TidemarkError {
  const message = `front "${name}" cannot be compared: it was lost, or started anew, meanwhile; verify it again`
  return new TidemarkError('FRONT_UNAVAILABLE', message, { retryable: true, tier: name })
}
