import { type LogChange, tagOfKey } from '@tidemark/core'
import type { Argument } from '../link.ts'
import { encodeRun } from './change-run.ts'
import { splitRuns } from './split-runs.ts'

/** About how much one call carries: the server answers nobody else meanwhile, and a slow line has to get it across in time. */
const CALL_BYTES = 1024 * 1024

/** One call of APPEND. */
export interface AppendCall {
  /** The seq of the last change that it carries; Infinity: it carries none. */
  readonly to: number
  /** Of its runs. */
  readonly args: readonly Argument[]
}

/** What copies these changes, however many; one call without runs for none, which only looks. Encodes as it goes. */
export function* callsOf(changes: readonly LogChange[], maxValueBytes: number): Generator<AppendCall> {
  if (changes.length === 0) yield { to: Infinity, args: [] }
  let args: Argument[] = []
  let size = 0
  let to = 0
  for (const changesOfRun of splitRuns(changes, maxValueBytes)) {
    const { first, last, boundary, whole, bytes } = encodeRun(changesOfRun, maxValueBytes)
    if (size > 0 && size + bytes.byteLength > CALL_BYTES) {
      yield { to, args }
      args = []
      size = 0
    }
    const carried = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    args.push(first, last, boundary, whole, tagsOf(changesOfRun), carried)
    size += bytes.byteLength
    to = last
  }
  if (args.length > 0) yield { to, args }
}

/** As the script takes them. */
function tagsOf(changes: readonly LogChange[]): string {
  const found = changes.filter(({ key }) => tagOfKey(key) !== undefined).flatMap(({ key, seq }) => [key.id, seq])
  return found.length === 0 ? '' : JSON.stringify(found)
}
