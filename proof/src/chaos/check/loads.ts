import type { History, LoadEvent, ReadEvent } from '../history/events.ts'
import type { Describer } from './describe.ts'
import type { Findings } from './findings.ts'
import type { State } from './key-truth.ts'
import type { Truth } from './truth.ts'

/**
 * A load is stored only where nobody has written its key, or invalidated one of its tags, since its loader was called. What is
 * not stored reaches those of its process who had asked before, and nobody else.
 */
export function checkLoads(history: History, truth: Truth, findings: Findings, describe: Describer): void {
  for (const load of history.loads) {
    const by = whatOvertook(load, truth)
    if (by === undefined) continue
    findings.add('overtakenLoads', () => {
      const what = by.id ?? 'a delete or an invalidation'
      return `${describe.load(load)} was stored after version ${by.seq} (${what}), begun at ${describe.at(by.begunAt)}`
    })
  }
  const loads = new Map(history.loads.map((load) => [load.id, load]))
  for (const read of history.reads) {
    const load = read.id === undefined ? undefined : loads.get(read.id)
    if (load === undefined || isStored(load, truth) || mayReach(read, load)) continue
    findings.add('overtakenLoads', () => `${describe.read(read)}, which was not stored; ${describe.load(load)}`)
  }
}

/** What came before the load in the log, and was begun after its loader was called. */
function whatOvertook(
  { key, id, startedAt }: LoadEvent,
  truth: Truth,
): Pick<State, 'id' | 'seq' | 'begunAt'> | undefined {
  const { states } = truth.of(key)
  const place = truth.of(key).placeOf(id)
  if (place === undefined) return undefined
  const { seq, tags } = states[place]!
  // Not only the last ones: they may be of somebody who has not written down when they were begun.
  const writes = states.slice(0, place)
  const invalidations = tags.flatMap((tag) => truth.invalidationsOf(tag).filter((each) => each.seq < seq))
  return [...writes, ...invalidations].find(({ begunAt }) => begunAt > startedAt)
}

function isStored({ key, id }: LoadEvent, truth: Truth): boolean {
  return truth.of(key).placeOf(id) !== undefined
}

function mayReach({ via, session, invoke }: ReadEvent, load: LoadEvent): boolean {
  return via === 'getOrSet' && session === load.session && invoke <= load.startedAt
}
