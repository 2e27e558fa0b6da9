import type { Back } from '@tidemark/core'
import { requestKey } from './consumer-keys.ts'
import type { LaneRequest } from './lane-requests.ts'
import { encodeRecord } from './record.ts'

/** Where a request stands: at a parked change, or at 0 for the lane itself. */
export interface RequestPlace {
  readonly lane: number
  readonly seq: number
}

/** Asks the owners of lanes, whoever they are now or will be. */
export async function postRequests(
  { marks, codec }: Pick<Back, 'marks' | 'codec'>,
  name: string,
  requests: readonly (readonly [RequestPlace, LaneRequest])[],
): Promise<void> {
  await marks.write(
    requests.map(([{ lane, seq }, request]) => ({
      key: requestKey(name, lane, seq),
      value: encodeRecord(codec, request),
    })),
  )
}

/** The same request for each of them. */
export function ofAll(
  places: readonly RequestPlace[],
  request: LaneRequest,
): readonly (readonly [RequestPlace, LaneRequest])[] {
  return places.map((place) => [place, request] as const)
}

/** Those that were not answered yet. */
export async function openRequests(
  { marks }: Pick<Back, 'marks'>,
  name: string,
  places: readonly RequestPlace[],
): Promise<readonly RequestPlace[]> {
  const found = await marks.read(places.map(({ lane, seq }) => requestKey(name, lane, seq)))
  return places.filter((_, i) => found[i] !== undefined)
}
