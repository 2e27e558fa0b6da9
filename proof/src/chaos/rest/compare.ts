import type { Findings } from '../check/findings.ts'
import type { Logged } from '../check/logged.ts'
import type { BackState } from './read-log.ts'
import type { FrontState } from './read-front.ts'
import type { FrontRecord } from './record-bytes.ts'

/**
 * At rest: every record that counts equals the back tier, and the values of the back tier equal its log. What carries a tag
 * that was invalidated is still there in both: it is the epoch of the tag that makes it absent, and has a record of its own.
 */
export function compareTiers(back: BackState, front: FrontState, now: number, findings: Findings): void {
  const last = new Map(back.log.map((change) => [change.key, change]))
  for (const [key, version] of back.versions) {
    const change = last.get(key)
    const expected = change === undefined || change.op === 'delete' ? 0 : change.seq
    if (version !== expected) findings.add('diverged', () => `${key} is at ${version}, and at ${expected} in the log`)
  }
  const head = back.log.at(-1)?.seq ?? 0
  if (front.watermark === undefined || front.watermark < head) {
    findings.add('diverged', () => `the front has followed the log to ${front.watermark ?? 'nowhere'}, not to ${head}`)
  }
  for (const record of front.records) {
    if (record.epoch !== front.epoch || record.until <= now) continue
    const wrong = whatDiffers(record, last.get(record.key), head)
    if (wrong !== undefined) findings.add('diverged', () => `the front holds ${record.key} ${wrong}`)
  }
}

function whatDiffers(
  { kind, version, hash }: FrontRecord,
  change: Logged | undefined,
  head: number,
): string | undefined {
  const current = change === undefined || change.op === 'delete' ? undefined : change
  const is = current === undefined ? `absent since ${change?.seq ?? 0}` : `${current.id} at ${current.seq}`
  if (kind === 'absent') {
    // The version of an absence is a head of the log at which it was seen.
    if (current === undefined && version >= (change?.seq ?? 0) && version <= head) return undefined
    return `as absent at ${version}; it is ${is}`
  }
  if (current === undefined || version !== current.seq) return `at ${version}; it is ${is}`
  return hash === current.hash ? undefined : `at ${version} with the hash ${hash}; in the log that has ${current.hash}`
}
