import {
  afterTurn,
  assertKnown,
  type Back,
  type Clock,
  flag,
  type LogChange,
  parseKey,
  port,
  type SharedFront,
  StoreKey,
} from '@tidemark/core'
import type { Observable } from 'rxjs'
import { runInSteps } from '../run-in-steps.ts'
import type { FrontLink } from '../shared/front-link.ts'
import { compare, type Difference, sessionOf } from './comparison.ts'

export type { Difference } from './comparison.ts'

const PAGE = 500

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
 * How far a run is. It cannot say of how many: a server counts its records only by looking at each of them, which is
 * what the run does anyway.
 */
export interface VerifyProgress {
  /** Records compared so far. */
  readonly done: number
  /** Records per second since the start. */
  readonly rate: number
  readonly differences: number
  /** Of them, taken out of their fronts. Never those of kind `foreign`. */
  readonly repaired: number
  /**
   * Records that differ, but of which nobody can say whether they may: their front did not catch up with the log within
   * about two seconds, or the run was ended before it did. No differences, and not repaired.
   */
  readonly undecided: number
  /** Those that came with this step. */
  readonly found: readonly Difference[]
}

/**
 * Compares every record of the shared fronts with the back tier, page by page. A record may lag behind the back tier as
 * long as the watermark of its front does: that is no difference. Nothing happens until it is subscribed to. Fails with
 * FRONT_UNAVAILABLE when a front has lost what it held, or is lost, or starts anew, on the way.
 */
export function verify(
  tiers: { readonly back: Back; readonly links: readonly FrontLink[]; readonly clock: Clock },
  options: VerifyOptions = {},
): Observable<VerifyProgress> {
  assertKnown(options, KNOWN, 'verify')
  const { tiers: wanted, repair = true, signal: outer } = options
  flag('option repair', repair)
  if (outer !== undefined) port<AbortSignal>('option signal', outer, ['addEventListener', 'removeEventListener'])
  const unknown = wanted?.find((name) => !tiers.links.some((link) => link.name === name))
  if (unknown !== undefined) {
    const names = tiers.links.map(({ name }) => name).join(', ')
    throw new TypeError(`there is no shared front named ${unknown} to verify; there is ${names || 'none'}`)
  }
  const fronts = tiers.links.filter(({ name }) => wanted?.includes(name) ?? true).map(({ front }) => front)
  const { back, clock } = tiers
  return runInSteps(outer, (signal) => run(fronts, { back, clock, repair, signal }))
}

interface Verified {
  readonly back: Back
  readonly clock: Clock
  readonly repair: boolean
  readonly signal: AbortSignal
}

async function* run(fronts: readonly SharedFront[], verified: Verified): AsyncIterableIterator<VerifyProgress> {
  const { back, clock, repair, signal } = verified
  const started = clock.monotonic()
  let done = 0
  let differences = 0
  let repaired = 0
  let undecided = 0
  for (const front of fronts) {
    if (signal.aborted) return
    const session = await sessionOf(front)
    let cursor: string | undefined
    do {
      const page = await front.records(cursor, PAGE)
      cursor = page.cursor
      const compared = await compare(page, { front, session, back, clock, signal })
      const { found, asOf } = compared
      if (repair) repaired += await takeOut(found, asOf, front)
      done += page.records.length + page.damaged.length
      differences += found.length
      undecided += compared.undecided
      const seconds = (clock.monotonic() - started) / 1000
      yield { done, rate: seconds > 0 ? done / seconds : 0, differences, repaired, undecided, found }
      await new Promise<void>(afterTurn)
    } while (cursor !== undefined && !signal.aborted)
    if (signal.aborted) return
    // A front that has lost its records meanwhile has none that are wrong: that says nothing about those it had.
    await sessionOf(front, session)
  }
}

/**
 * As if the keys had changed at `asOf`: everything older goes, and the fence keeps out what is on its way. No later than
 * that, though a record may claim to be: a front that has executed what the log does not have is of another history.
 */
async function takeOut(found: readonly Difference[], asOf: number, front: SharedFront): Promise<number> {
  const differences = found
    .filter(({ kind }) => kind !== 'foreign')
    .map(({ key, version }) => ({ key: StoreKey.of(parseKey(key)), version }))
  if (differences.length === 0) return 0
  const changes = differences.map(({ key, version }) => removal(key, asOf, version ?? 0))
  if (asOf > 0) await front.apply(changes, 'invalidate')
  await front.discard(
    differences.filter(({ version }) => version === undefined || version >= asOf).map(({ key }) => key),
  )
  return differences.length
}

function removal(key: StoreKey, seq: number, prevVersion: number): LogChange {
  return {
    seq,
    first: seq,
    last: seq,
    op: 'delete',
    key,
    path: undefined,
    prevVersion,
    payload: undefined,
    expiresAt: undefined,
    meta: undefined,
    at: 0,
    origin: '',
  }
}
