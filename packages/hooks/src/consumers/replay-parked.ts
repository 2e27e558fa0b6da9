import type { ParkedSelection, ReplayResult } from './consumer.ts'
import { aliveMembers } from './membership.ts'
import { ofAll, openRequests, postRequests } from './open-requests.ts'
import { parkedPlaces, stillParked } from './parked-places.ts'
import { type ParkedRequestOptions, POLL_MS, resolveParkedRequest } from './parked-request.ts'
import { assertRegistered, type ConsumerBack, registrationOf } from './registration.ts'

export interface ReplayParkedResult extends ReplayResult {
  /** Nobody runs the consumer: whoever does next replays them first. */
  readonly waiting: number
}

/**
 * Has parked changes of a consumer handed to its handler once more, as `Consumer.replay` does, by the processes that run
 * it. Where none does, or the last one ends meanwhile, what was asked for is stored, and is done by the next one before
 * anything else.
 * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name; the reason of `signal`; TypeError,
 * RangeError for a wrong selection or options
 */
export async function replayParked(
  back: ConsumerBack,
  name: string,
  selection: ParkedSelection = {},
  options: ParkedRequestOptions = {},
): Promise<ReplayParkedResult> {
  const { clock, signal } = resolveParkedRequest(options, 'replayParked')
  const registration = await registrationOf(back, name)
  const { lanes } = registration
  const result = { replayed: 0, left: 0, waiting: 0 }
  for await (const places of parkedPlaces({ back, name, lanes }, selection)) {
    signal?.throwIfAborted()
    await postRequests(back, name, ofAll(places, { kind: 'replay' }))
    let open = await openRequests(back, name, places)
    for (let waitMs = 1; open.length > 0; waitMs = Math.min(waitMs * 2, POLL_MS)) {
      const isRun = (await aliveMembers(back, name)).length > 0
      await assertRegistered(back, name, registration)
      if (isRun) await clock.sleep(waitMs)
      signal?.throwIfAborted()
      // After the look at the members: the last one may have answered before it left.
      open = await openRequests(back, name, open)
      if (!isRun) break
    }
    const parked = await stillParked(back, name, places)
    const waiting = parked.filter((place) => open.includes(place)).length
    result.replayed += places.length - parked.length
    result.waiting += waiting
    result.left += parked.length - waiting
  }
  return result
}
