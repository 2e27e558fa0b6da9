import { createReadStream, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { eventOf } from '@tidemark/testkit/streams'
import type { AuditedLog } from './watch-audit.ts'

/** How the lines of the audit compare with the log. */
export interface CheckedAudit {
  /** That tell of a change of this run. */
  readonly lines: number
  /** Changes that have none. */
  readonly missing: number
  /** Beyond the first one of a change. */
  readonly repeated: number
  /** That tell of an earlier change of their key than a line before. */
  readonly outOfOrder: number
  /** That are no line of the audit, or tell of a change what the log does not. */
  readonly wrong: number
}

interface Line {
  readonly seq: number
  readonly op: string
  readonly key: readonly unknown[]
}

const PAGE = 5_000

/** Reads the whole file: every change of `after < seq <= to` is to be there once, and each key's in their order. */
export async function checkAudit(file: string, log: AuditedLog, after: number, to: number): Promise<CheckedAudit> {
  const logged = await changesOf(log, after, to)
  const seen = new Set<number>()
  const last = new Map<string, number>()
  let [repeated, outOfOrder, wrong] = [0, 0, 0]
  for await (const text of linesOf(file)) {
    const line = parsed(text)
    if (line === undefined) {
      wrong++
      continue
    }
    // From before this run, or of what nobody waited for.
    if (line.seq <= after || line.seq > to) continue
    const key = JSON.stringify(line.key)
    if (seen.has(line.seq)) repeated++
    else if (line.seq < (last.get(key) ?? 0)) outOfOrder++
    if (logged.get(line.seq) !== `${line.op} ${key}`) wrong++
    seen.add(line.seq)
    last.set(key, Math.max(line.seq, last.get(key) ?? 0))
  }
  const missing = [...logged.keys()].filter((seq) => !seen.has(seq)).length
  return { lines: seen.size, missing, repeated, outOfOrder, wrong }
}

/** None of a file that is not there: nobody had a line to write. */
async function* linesOf(file: string): AsyncGenerator<string, undefined> {
  if (existsSync(file)) yield* createInterface({ input: createReadStream(file), crlfDelay: Infinity })
}

async function changesOf(log: AuditedLog, after: number, to: number): Promise<ReadonlyMap<number, string>> {
  const logged = new Map<number, string>()
  for (let position = after; position < to;) {
    const { changes } = await log.read({ after: position, limit: PAGE, values: false })
    if (changes.length === 0) break
    for (const change of changes) {
      if (change.seq <= to) logged.set(change.seq, `${eventOf(change).op} ${JSON.stringify(change.key.tuple)}`)
    }
    position = changes.at(-1)!.seq
  }
  return logged
}

function parsed(text: string): Line | undefined {
  try {
    const { seq, op, key } = JSON.parse(text) as Partial<Line>
    return typeof seq === 'number' && typeof op === 'string' && Array.isArray(key) ? { seq, op, key } : undefined
  } catch {
    return undefined
  }
}
