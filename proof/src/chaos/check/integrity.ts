import type { History, ReadEvent } from '../history/events.ts'
import type { Describer } from './describe.ts'
import type { Findings } from './findings.ts'
import type { Truth } from './truth.ts'

/** What was read is what was committed: under this key, with this version, and with these bytes. */
export function checkIntegrity(history: History, truth: Truth, findings: Findings, describe: Describer): void {
  for (const read of history.reads) {
    const wrong = whatIsWrong(read, truth)
    if (wrong !== undefined) findings.add('integrity', () => `${describe.read(read)}, but ${wrong}`)
  }
}

function whatIsWrong({ key, id, hash, version }: ReadEvent, truth: Truth): string | undefined {
  if (id === undefined) return undefined
  const key_ = truth.of(key)
  const place = key_.placeOf(id)
  if (place === undefined) {
    const owner = truth.ownerOf(id)
    return owner === undefined ? 'nobody has committed that' : `that is a value of ${owner}`
  }
  const state = key_.states[place]!
  if (state.hash !== hash) return `its hash is ${hash}, and ${state.hash} in the log`
  return version === undefined || version === state.seq ? undefined : `the log has it at ${state.seq}`
}
