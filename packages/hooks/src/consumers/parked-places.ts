import type { Back } from '@tidemark/core'
import type { ParkedSelection } from './consumer.ts'
import { parkedKey } from './consumer-keys.ts'
import type { RequestPlace } from './open-requests.ts'
import { type ParkedSource, selectParked } from './parked-changes.ts'

/** So many parked changes are asked for at a time. */
const PAGE = 200

/** What is selected, without the changes themselves, in pages that are not empty. */
export async function* parkedPlaces(
  source: ParkedSource,
  selection: ParkedSelection,
): AsyncGenerator<readonly RequestPlace[], undefined> {
  let page: RequestPlace[] = []
  for await (const { lane, row } of selectParked(source, selection)) {
    page.push({ lane, seq: row.seq })
    if (page.length < PAGE) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

/** Those of them that are parked at present. */
export async function stillParked(
  { marks }: Pick<Back, 'marks'>,
  name: string,
  places: readonly RequestPlace[],
): Promise<readonly RequestPlace[]> {
  const found = await marks.read(places.map(({ lane, seq }) => parkedKey(name, lane, seq)))
  return places.filter((_, i) => found[i] !== undefined)
}
