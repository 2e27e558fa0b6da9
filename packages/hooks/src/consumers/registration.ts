import { type Back, type Clock, CompactedError, type Lease, TidemarkError } from '@tidemark/core'
import { type Start, startAtBeginning, startBeforeTime, startNow } from '../resume.ts'
import { registrationKey } from './consumer-keys.ts'
import { type Delivery, type Difference, differencesOf } from './delivery.ts'
import type { LanePosition } from './lane-mark.ts'
import { decodeRecord, encodeRecord } from './record.ts'
import { removeRemains } from './remove-remains.ts'
import { whileRegistering } from './while-registering.ts'

/** What every member of a consumer has to agree on. */
export interface Registration {
  /** Another one each time that the name is registered. */
  readonly id: number
  readonly lanes: number
  /** undefined: an earlier release has made it, and no member has told yet. */
  readonly delivery?: Delivery | undefined
  /** Where lanes begin that have no mark yet. */
  readonly since: LanePosition
  /** What was committed before this wall-clock time is not wanted. */
  readonly notBefore?: number | undefined
}

export type ConsumerBack = Pick<Back, 'log' | 'leases' | 'marks' | 'codec'>

export interface RegisterOptions {
  readonly lanes: number
  readonly delivery: Delivery
  readonly from: 'start' | 'now' | number
  readonly onCompacted: 'error' | 'latest'
  readonly clock: Clock
}

export async function readRegistration(back: ConsumerBack, name: string): Promise<Registration | undefined> {
  const key = registrationKey(name)
  const [payload] = await back.marks.read([key])
  return payload && decodeRecord<Registration>(key, payload)
}

/** @throws TidemarkError CONSUMER_DROPPED */
export async function registrationOf(back: ConsumerBack, name: string): Promise<Registration> {
  const registration = await readRegistration(back, name)
  if (registration !== undefined) return registration
  throw new TidemarkError('CONSUMER_DROPPED', `no consumer ${name} is registered: it was dropped, or never ran here`)
}

/**
 * The registration of a consumer, made where there is none. Members that register at once make one between them.
 * @throws TidemarkError CONSUMER_MISMATCH when it has another number of lanes, or hands out other changes;
 * CompactedError for a first registration that is to begin where the log no longer does
 */
export async function register(back: ConsumerBack, name: string, options: RegisterOptions): Promise<Registration> {
  const known = await readRegistration(back, name)
  if (known?.delivery !== undefined) return agreeing(name, known, options)
  return whileRegistering(back, name, options.clock, async (lease) => {
    const present = await readRegistration(back, name)
    const registration = present === undefined ? await firstOf(back, lease, options) : agreeing(name, present, options)
    // Of one that was dropped by a process that died over it: its lanes would go on where they were.
    if (present === undefined) await removeRemains(back, name, lease)
    if (registration !== present)
      await back.marks.write([{ key: registrationKey(name), value: encodeRecord(back.codec, registration) }], { lease })
    return registration
  })
}

/** @throws TidemarkError CONSUMER_DROPPED, also when the name was registered anew meanwhile */
export async function assertRegistered(back: ConsumerBack, name: string, { id }: Registration): Promise<void> {
  const present = await readRegistration(back, name)
  if (present?.id !== id) throw new TidemarkError('CONSUMER_DROPPED', `consumer ${name} was dropped`)
}

/** Whether a consumer can never go on after this. */
export function isEnd(error: unknown): boolean {
  return error instanceof TidemarkError && (error.code === 'CLOSED' || error.code === 'CONSUMER_DROPPED')
}

async function firstOf(back: ConsumerBack, lease: Lease, options: RegisterOptions): Promise<Registration> {
  const { lanes, delivery, from } = options
  const { epoch, seq, check } = await startOf(back, options)
  const notBefore = typeof from === 'number' ? { notBefore: from } : {}
  return { id: lease.token, lanes, delivery, since: { epoch, seq, check }, ...notBefore }
}

/** The registration, which the first member that tells of its delivery has settled for all. */
function agreeing(name: string, registration: Registration, { lanes, delivery }: RegisterOptions): Registration {
  const differences = registration.delivery === undefined ? [] : [...differencesOf(registration.delivery, delivery)]
  if (registration.lanes !== lanes)
    differences.unshift({ registered: `lanes: ${registration.lanes}`, asked: `lanes: ${lanes}` })
  if (differences.length > 0) throw mismatch(name, differences)
  return registration.delivery === undefined ? { ...registration, delivery } : registration
}

function mismatch(name: string, differences: readonly Difference[]): TidemarkError {
  const registered = differences.map((option) => option.registered).join(', ')
  const asked = differences.map((option) => option.asked).join(', ')
  return new TidemarkError(
    'CONSUMER_MISMATCH',
    `consumer ${name} is registered with ${registered}, not with ${asked}: its lanes go from member to member, and what ` +
      `one of them does not want, none would get; pass ${registered}, use another name, or drop it with dropConsumer, ` +
      'which forgets how far it has come',
  )
}

async function startOf({ log }: ConsumerBack, { from, onCompacted }: RegisterOptions): Promise<Start> {
  // The look at the log is what meets a restore that was declared elsewhere.
  await log.head()
  try {
    return await startFrom(log, from)
  } catch (error) {
    if (onCompacted === 'error' || !(error instanceof CompactedError)) throw error
    return startNow(log, 1)
  }
}

/** The place in the log that `from` means; of a time that is still to come, its head. @throws CompactedError */
export function startFrom(log: Back['log'], from: 'start' | 'now' | number): Promise<Start> {
  if (typeof from === 'number') return startBeforeTime(log, from, 1)
  return from === 'start' ? startAtBeginning(log, 1) : startNow(log, 1)
}
