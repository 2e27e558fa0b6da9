import { createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { FailureEvent, History, LoadEvent, ReadEvent, WriteEvent } from './events.ts'
import { type HistoryLine, parseLine } from './lines.ts'

/**
 * Everything that the workers have written down in `folder`, one file per life.
 * @throws Error when a line other than the last one of its file is damaged
 */
export async function readHistory(folder: string): Promise<History> {
  const lines: HistoryLine[] = []
  for (const name of readdirSync(folder).toSorted()) await readLines(join(folder, name), lines)
  return assemble(lines)
}

async function readLines(path: string, into: HistoryLine[]): Promise<void> {
  let damaged = 0
  let at = 0
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    at++
    // Only the end may be missing: whoever wrote it was killed.
    if (damaged > 0) throw new Error(`${path}:${damaged} is not a line of a history`)
    const line = parseLine(text)
    if (line === undefined) damaged = at
    else into.push(line)
  }
}

/** Joins the two lines of each write, and of each load. */
function assemble(lines: Iterable<HistoryLine>): History {
  const reads: ReadEvent[] = []
  const failures: FailureEvent[] = []
  const writes = new Map<string, WriteEvent>()
  const loads = new Map<string, LoadEvent>()
  for (const line of lines) {
    if (line.kind === 'read') reads.push(line)
    else if (line.kind === 'failure') failures.push(line)
    else if (line.kind === 'load') loads.set(line.id, { ...line, returned: undefined })
    else if (line.kind === 'loaded') loads.set(line.id, { ...begunIn(loads, line.id), returned: line.return })
    else if (line.kind === 'begin') writes.set(line.id, { ...line, kind: 'write', ack: undefined })
    else writes.set(line.id, { ...begunIn(writes, line.id), ack: line })
  }
  return { reads, failures, writes: [...writes.values()], loads: [...loads.values()] }
}

function begunIn<T>(events: ReadonlyMap<string, T>, id: string): T {
  const begun = events.get(id)
  if (begun === undefined) throw new Error(`${id} was acknowledged, but never begun`)
  return begun
}
