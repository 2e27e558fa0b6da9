import {
  afterTurn,
  assertKnown,
  type Back,
  type Clock,
  flag,
  type Found,
  type FrontSession,
  type LogChange,
  parseKey,
  type SharedFront,
  StoreKey,
  TidemarkError,
} from '@tidemark/core'
import { Observable } from 'rxjs'
import type { FrontLink } from '../shared/front-link.ts'

const PAGE = 500
/** How often, and after what pause, a front is asked whether it has caught up before its records are judged. */
const PATIENCE = 100
const PAUSE_MS = 20

export interface VerifyOptions {
  /** Whether what is wrong is taken out of the front. @default true */
  readonly repair?: boolean | undefined
  /** Which fronts, by name. @default all shared ones */
  readonly tiers?: readonly string[] | undefined
  /** Ends the run: the observable completes with what was done until then. */
  readonly signal?: AbortSignal | undefined
}

const KNOWN: readonly string[] = ['repair', 'tiers', 'signal'] satisfies (keyof VerifyOptions)[]

/**
 * A record that is not what the back tier says, in a front that claims to have executed the change that it lacks.
 * `stale`: an older version · `ahead`: a version that the log does not have · `altered`: another value under the same version
 */
export interface Difference {
  readonly tier: string
  /** The key, readable. */
  readonly key: string
  readonly kind: 'stale' | 'ahead' | 'altered'
  readonly version: number
  /** What the back tier has; undefined: the key does not exist. */
  readonly expected: number | undefined
}

export interface VerifyProgress {
  /** Records compared so far. */
  readonly done: number
  readonly differences: number
  /** Of them, taken out of their fronts. */
  readonly repaired: number
  /** Those that came with this step. */
  readonly found: readonly Difference[]
}

/**
 * Compares every record of the shared fronts with the back tier, page by page. A record may lag behind the back tier as
 * long as the watermark of its front does: that is no difference. Nothing happens until it is subscribed to. Fails with
 * FRONT_UNAVAILABLE when a front is lost on the way.
 */
export function verify(
  tiers: { readonly back: Back; readonly links: readonly FrontLink[]; readonly clock: Clock },
  options: VerifyOptions = {},
): Observable<VerifyProgress> {
  assertKnown(options, KNOWN, 'verify')
  const { tiers: wanted, repair = true, signal: outer } = options
  flag('option repair', repair)
  const unknown = wanted?.find((name) => !tiers.links.some((link) => link.name === name))
  if (unknown !== undefined) {
    const names = tiers.links.map(({ name }) => name).join(', ')
    throw new TypeError(`there is no shared front named ${unknown} to verify; there is ${names || 'none'}`)
  }
  const fronts = tiers.links.filter(({ name }) => wanted?.includes(name) ?? true).map(({ front }) => front)
  return new Observable((subscriber) => {
    const stop = new AbortController()
    const signal = outer === undefined ? stop.signal : AbortSignal.any([stop.signal, outer])
    void (async () => {
      try {
        for await (const progress of run(fronts, { back: tiers.back, clock: tiers.clock, repair, signal }))
          subscriber.next(progress)
        subscriber.complete()
      } catch (error) {
        subscriber.error(error)
      }
    })()
    return () => stop.abort()
  })
}

interface Verified {
  readonly back: Back
  readonly clock: Clock
  readonly repair: boolean
  readonly signal: AbortSignal
}

async function* run(fronts: readonly SharedFront[], verified: Verified): AsyncIterableIterator<VerifyProgress> {
  const { back, repair, signal } = verified
  let done = 0
  let differences = 0
  let repaired = 0
  for (const front of fronts) {
    let cursor: string | undefined
    do {
      const page = await front.records(cursor, PAGE)
      cursor = page.cursor
      const keys = page.records.map(({ id }) => StoreKey.of(parseKey(id)))
      const found = await compare(keys, { ...verified, front })
      if (repair && found.length > 0) repaired += await takeOut(found, front, back)
      done += keys.length
      differences += found.length
      yield { done, differences, repaired, found }
      await new Promise<void>(afterTurn)
    } while (cursor !== undefined && !signal.aborted)
    if (signal.aborted) return
  }
}

async function compare(
  keys: readonly StoreKey[],
  { front, back, clock, signal }: Verified & { readonly front: SharedFront },
): Promise<readonly Difference[]> {
  if (keys.length === 0) return []
  const { session } = front
  if (session === undefined) throw interrupted(front)
  const candidates = await compareOnce(keys, front, session, back)
  if (candidates.length === 0) return []
  // What was on its way when it was compared has arrived when the watermark has passed what it was compared with.
  const head = await back.log.head()
  for (let looks = 0; ((await front.look()).watermark ?? 0) < head; looks++) {
    if (looks === PATIENCE || signal.aborted) return []
    await clock.sleep(PAUSE_MS)
  }
  const again = candidates.map(({ key }) => StoreKey.of(parseKey(key)))
  const remaining = await compareOnce(again, front, session, back)
  return remaining.filter(({ key, version }) => candidates.some((one) => one.key === key && one.version === version))
}

async function compareOnce(
  keys: readonly StoreKey[],
  front: SharedFront,
  session: FrontSession,
  back: Back,
): Promise<readonly Difference[]> {
  const held = await front.read(keys, session)
  // What ended with its session was not compared.
  if (front.session !== session) throw interrupted(front)
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

function interrupted({ name }: SharedFront): TidemarkError {
  const message = `front "${name}" cannot be compared: it was lost, or started anew, meanwhile; verify it again`
  return new TidemarkError('FRONT_UNAVAILABLE', message, { retryable: true, tier: name })
}

function differenceOf(record: Found, truth: Found): Difference['kind'] | undefined {
  const version = record.entry?.version ?? record.asOf
  if (version > truth.asOf) return 'ahead'
  const { entry } = truth
  if (record.entry === undefined) return entry !== undefined && entry.version > version ? 'stale' : undefined
  if (entry === undefined || entry.version > version) return 'stale'
  return sameBytes(record.entry.payload.bytes, entry.payload.bytes) ? undefined : 'altered'
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** As if the key had changed just now: everything older goes, and the fence keeps out what is on its way. */
async function takeOut(differences: readonly Difference[], front: SharedFront, back: Back): Promise<number> {
  const head = await back.log.head()
  const changes = differences.map(({ key, version }): LogChange => {
    const seq = Math.max(head, version + 1)
    return {
      seq,
      first: seq,
      last: seq,
      op: 'delete',
      key: StoreKey.of(parseKey(key)),
      path: undefined,
      prevVersion: version,
      payload: undefined,
      expiresAt: undefined,
      meta: undefined,
      at: 0,
      origin: back.origin,
    }
  })
  await front.apply(changes, 'invalidate')
  return changes.length
}
