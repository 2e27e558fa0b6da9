import type { LogChange } from '@tidemark/core'

/** So much travels in one entry of the stream: a reader takes at least one, and each blocks the server while it is written. */
const MAX_CHANGES = 100
const MAX_BYTES = 256 * 1024

/** Cuts changes into runs, between commits where that is possible. */
export function* splitRuns(changes: readonly LogChange[], maxValueBytes: number): Generator<readonly LogChange[]> {
  let from = 0
  let end = 0
  let bytes = 0
  for (const [i, change] of changes.entries()) {
    bytes += sizeOf(change, maxValueBytes)
    if (change.seq === change.last) end = i + 1
    const isFull = i + 1 - from >= MAX_CHANGES || bytes >= MAX_BYTES
    if (!isFull) continue
    const to = end > from ? end : i + 1
    yield changes.slice(from, to)
    from = to
    bytes = 0
    for (let k = from; k <= i; k++) bytes += sizeOf(changes[k]!, maxValueBytes)
  }
  if (from < changes.length) yield changes.slice(from)
}

/** About. */
function sizeOf({ key, payload, meta }: LogChange, maxValueBytes: number): number {
  const carried = (bytes = 0): number => (bytes > maxValueBytes ? 0 : bytes)
  return 64 + key.bytes.byteLength + carried(payload?.byteLength) + carried(meta?.byteLength)
}
