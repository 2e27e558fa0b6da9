import {
  type Back,
  type Clock,
  CorruptError,
  type Found,
  type FrontInspection,
  type FrontRecord,
  type NearFront,
  type StandingWithReaders,
  standingWithReaders,
  type StoreKey,
} from '@tidemark/core'
import type { FrontLink } from '../shared/front-link.ts'
import { asError, type BypassReason } from '../tier-events.ts'
import { readingError } from '../unreadable-records.ts'

/** What one key looks like in every tier, and which one a read would be served from. */
export interface Explanation {
  /** The key, readable. */
  readonly key: string
  /** The tier that would answer a read that is made now. */
  readonly servedBy: string
  /** In words. */
  readonly because: string
  /** A write of this process that waits to be flushed: its reads meet it before any tier. undefined: none does. */
  readonly behind: WaitingExplanation | undefined
  readonly near: NearExplanation | undefined
  readonly fronts: readonly FrontExplanation[]
  readonly back: {
    readonly name: string
    /** undefined: the key does not exist. */
    readonly version: number | undefined
    readonly head: number
    /** What readers make of that version: its tags may have been invalidated, its time be up. undefined: there is none. */
    readonly standing: StandingWithReaders | undefined
  }
}

export interface WaitingExplanation {
  /** Wall-clock milliseconds of its acknowledgement; undefined: its time is up. */
  readonly acknowledgedAt: number | undefined
  /** What readers make of it; undefined: its time is up. */
  readonly standing: StandingWithReaders | undefined
}

export interface NearExplanation {
  readonly name: string
  readonly record: Pick<FrontRecord, 'kind' | 'version' | 'until'> | undefined
  /** No change of the key later than this was executed there. */
  readonly fence: number
  readonly watermark: number
  /** Changes of the log that it has not seen. */
  readonly behind: number
}

export interface FrontExplanation {
  readonly name: string
  /** What stands there, believed or not. */
  readonly record: FrontRecord | undefined
  readonly fence: number | undefined
  readonly watermark: number | undefined
  /** Changes of the log that it has not seen, as far as its watermark tells. */
  readonly behind: number | undefined
  readonly epoch: string | undefined
  readonly agreedEpoch: string | undefined
  /** The proof that it may be read: up to which seq, and for how many milliseconds still. */
  readonly certificate: { readonly includes: number; readonly validForMs: number } | undefined
  readonly bypassed: BypassReason | undefined
  /** This process has seen, or written, this version of the key: nothing older is believed. 0: any. */
  readonly requiredVersion: number
  /** Why nobody can read what it holds: the next read takes it away. undefined: one can, or nothing is held. */
  readonly unreadable: Error | undefined
  /** Why it could not be asked. */
  readonly error: Error | undefined
}

export interface ExplainedTiers {
  readonly back: Back
  /** What of the key waits to be flushed. */
  readonly behind: (id: string) => Found | undefined
  readonly near: NearFront | undefined
  readonly links: readonly FrontLink[]
  readonly clock: Clock
}

export async function explain(key: StoreKey, tiers: ExplainedTiers): Promise<Explanation> {
  const { back, near, links, clock } = tiers
  const fronts = await Promise.all(links.map((link) => explainFront(key, link, clock)))
  const found = await back.readOne(key)
  const head = found.asOf
  const nearest = near && explainNear(key, near, head)
  const withLag = fronts.map((front) => ({
    ...front,
    behind: front.watermark === undefined ? undefined : Math.max(0, head - front.watermark),
  }))
  const now = clock.now()
  const standing = found.entry && (await standingWithReaders(found.entry, now, (keys) => back.read(keys)))
  const waiting = tiers.behind(key.id)
  // It will come after everything that is committed.
  const toCome = waiting?.entry && { ...waiting.entry, version: Infinity }
  const waitingStanding = toCome && (await standingWithReaders(toCome, now, (keys) => back.read(keys)))
  const { servedBy, because } =
    waiting === undefined
      ? decide(nearest, withLag, found, back.name, now)
      : { servedBy: waiting.tier, because: 'a write of this process waits to be flushed, which its reads meet first' }
  const but = waiting === undefined ? standing && hidden(standing) : waitingStanding && hidden(waitingStanding)
  const which = waiting === undefined ? `version ${found.entry?.version}` : 'it'
  return {
    key: key.id,
    servedBy,
    because: but === undefined ? because : `${because}; ${which} ${but}`,
    behind: waiting && { acknowledgedAt: waiting.entry?.writtenAt, standing: waitingStanding },
    near: nearest,
    fronts: withLag,
    back: { name: back.name, version: found.entry?.version, head, standing },
  }
}

function explainNear({ id }: StoreKey, near: NearFront, head: number): NearExplanation {
  const held = near.peek(id)
  const record = held && {
    kind: held.entry === undefined ? ('absent' as const) : ('value' as const),
    version: held.entry?.version ?? held.asOf,
    until: held.until,
  }
  const { name, watermark } = near
  return { name, record, fence: near.fenceOf(id), watermark, behind: Math.max(0, head - watermark) }
}

async function explainFront(key: StoreKey, link: FrontLink, clock: Clock): Promise<FrontExplanation> {
  let inspection: FrontInspection | undefined
  let unreadable: Error | undefined
  let error: Error | undefined
  try {
    inspection = await link.front.inspect(key)
    if (inspection.isDamaged) unreadable = new CorruptError('it is damaged', { key: key.id, tier: link.name })
    const [held] = inspection.record === undefined ? [] : await link.front.read([key], inspection.look.session)
    unreadable ??= held && readingError(held)
  } catch (thrown) {
    error = asError(thrown)
  }
  const { certificate, bypassed, agreed } = link.follower
  return {
    name: link.name,
    record: inspection?.record,
    fence: inspection?.fence,
    watermark: inspection?.look.watermark,
    behind: undefined,
    epoch: inspection?.look.session.epoch,
    agreedEpoch: agreed?.agreement.epoch,
    certificate: certificate && {
      includes: certificate.includes,
      validForMs: certificate.validUntil - clock.monotonic(),
    },
    bypassed,
    requiredVersion: link.requiredVersion(key),
    unreadable,
    error,
  }
}

function decide(
  near: NearExplanation | undefined,
  fronts: readonly FrontExplanation[],
  found: Found,
  back: string,
  now: number,
): Pick<Explanation, 'servedBy' | 'because'> {
  const reasons: string[] = []
  if (near !== undefined) {
    if (near.record !== undefined) {
      return { servedBy: near.name, because: `${near.name} holds version ${near.record.version} and follows the log` }
    }
    reasons.push(`${near.name} holds nothing`)
  }
  for (const front of fronts) {
    const why = whyNot(front, near, now)
    if (why === undefined) {
      const { name, record, certificate } = front
      const proof = `is proven to include every change up to ${certificate!.includes}`
      return {
        servedBy: name,
        because: [...reasons, `${name} holds version ${record!.version} and ${proof}`].join('; '),
      }
    }
    reasons.push(`${front.name} ${why}`)
  }
  const state = found.entry === undefined ? 'does not have the key' : `has version ${found.entry.version}`
  return { servedBy: back, because: [...reasons, `${back} ${state}`].join('; ') }
}

/** Why a front would not serve the key; undefined: it would. */
function whyNot(front: FrontExplanation, near: NearExplanation | undefined, now: number): string | undefined {
  const { record, certificate, bypassed, epoch, requiredVersion, unreadable, error } = front
  if (error !== undefined) return `could not be asked (${error.message})`
  if (certificate === undefined) return `is bypassed: ${bypassed ?? 'behind'}`
  if (record === undefined) {
    return unreadable === undefined ? 'holds nothing' : `holds a record that cannot be read (${unreadable.message})`
  }
  if (record.epoch !== epoch) return `holds a record of epoch ${record.epoch}, which is over`
  if (record.until <= now) return 'holds a record whose time is up'
  if (unreadable !== undefined) return `holds version ${record.version}, which cannot be read (${unreadable.message})`
  const needed = Math.max(requiredVersion, near?.fence ?? 0)
  if (record.version < needed && certificate.includes < needed) {
    return `holds version ${record.version}, and this process knows of version ${needed}`
  }
  return undefined
}

/** Why readers do not see what is there; undefined: they do. */
function hidden(standing: StandingWithReaders): string | undefined {
  switch (standing.state) {
    case 'seen':
      return undefined
    case 'invalidated':
      return `is absent for readers: its tag ${standing.tag} was invalidated at seq ${standing.seq}`
    case 'stale':
      return `is stale since ${timeOf(standing.since)}, and absent for all but getOrSet${untilOf(standing.until)}`
    case 'known-absent':
      return `says that a loader found nothing${untilOf(standing.until)}: it is absent for readers`
    case 'damaged':
      return `cannot be read: ${standing.error.message}`
  }
}

function untilOf(end: number | undefined): string {
  return end === undefined ? '' : `, until ${timeOf(end)}`
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
