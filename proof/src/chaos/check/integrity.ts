import type { History, LoadEvent, ReadEvent } from '../history/events.ts'
import type { Describer } from './describe.ts'
import type { Findings } from './findings.ts'
import type { Truth } from './truth.ts'

/**
 * What was read is what was committed: under this key, with this version, and with these bytes; or what a loader brought and
 * was not stored, which is checked as a load.
 */
export function checkIntegrity(history: History, truth: Truth, findings: Findings, describe: Describer): void {
  const loads = new Map(history.loads.map((load) => [load.id, load]))
  for (const read of history.reads) {
    const wrong = whatIsWrong(read, truth, loads)
    if (wrong !== undefined) findings.add('integrity', () => `${describe.read(read)}, but ${wrong}`)
  }
}

function whatIsWrong(
  { key, id, hash, version }: ReadEvent,
  truth: Truth,
  loads: ReadonlyMap<string, LoadEvent>,
): string | undefined {
  if (id === undefined) return undefined
  const key_ = truth.of(key)
  const place = key_.placeOf(id)
  if (place === undefined) {
    const owner = truth.ownerOf(id)
    const load = loads.get(id)
    if (owner === undefined && load?.key === key) {
      return load.hash === hash ? undefined : `its hash is ${hash}, and ${load.hash} where it was loaded`
    }
    return owner === undefined ? 'nobody has committed that' : `that is a value of ${owner}`
  }
  const state = key_.states[place]!
  if (state.hash !== hash) return `its hash is ${hash}, and ${state.hash} in the log`
  return version === undefined || version === state.seq ? undefined : `the log has it at ${state.seq}`
}
