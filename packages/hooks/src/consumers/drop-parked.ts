import type { ParkedSelection } from './consumer.ts'
import { dropInFreeLane } from './free-lane.ts'
import { ofAll, openRequests, postRequests, type RequestPlace } from './open-requests.ts'
import { parkedPlaces, stillParked } from './parked-places.ts'
import { type ParkedRequestOptions, POLL_MS, resolveParkedRequest } from './parked-request.ts'
import { type ConsumerBack, registrationOf } from './registration.ts'

/**
 * Forgets parked changes of a consumer, whether or not any process runs it. Lanes that somebody works on are left to him,
 * who is asked, and waited for: he answers between two batches. A request of which a process died is answered by the
 * next owner, or here.
 * @returns how many
 * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name; the reason of `signal`; TypeError,
 * RangeError for a wrong selection or options
 */
export async function dropParked(
  back: ConsumerBack,
  name: string,
  selection: ParkedSelection = {},
  options: ParkedRequestOptions = {},
): Promise<number> {
  const { clock, signal } = resolveParkedRequest(options, 'dropParked')
  const registration = await registrationOf(back, name)
  const { lanes } = registration

  /** @returns those in lanes that somebody has */
  const dropInFreeLanes = async (places: readonly RequestPlace[]): Promise<readonly RequestPlace[]> => {
    const left: RequestPlace[] = []
    for (const [lane, all] of Map.groupBy(places, (place) => place.lane)) {
      const seqs = all.map(({ seq }) => seq)
      if (!(await dropInFreeLane(back, { name, registration }, lane, seqs))) left.push(...all)
    }
    return left
  }

  let dropped = 0
  for await (const places of parkedPlaces({ back, name, lanes }, selection)) {
    signal?.throwIfAborted()
    let left = await dropInFreeLanes(places)
    while (left.length > 0) {
      await postRequests(back, name, ofAll(left, { kind: 'drop' }))
      let open = left
      for (let waitMs = 1; open.length > 0; waitMs = Math.min(waitMs * 2, POLL_MS)) {
        await clock.sleep(waitMs)
        signal?.throwIfAborted()
        // Their owners may be gone by now.
        open = await dropInFreeLanes(await openRequests(back, name, open))
      }
      // A replay that was under way, and failed, has answered what was asked for since.
      left = await stillParked(back, name, left)
    }
    dropped += places.length
  }
  return dropped
}
