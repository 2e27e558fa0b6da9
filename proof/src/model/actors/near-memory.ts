import type { Near, NearRecord } from '../state/processes.ts'
import type { Rules } from '../scripts/rules.ts'

/** The fence of near memory: see RecentChanges of core. */
export function nearFence({ fences, floor }: Near, key: number): number {
  return fences[key]! > 0 ? fences[key]! : floor
}

function record(near: Near, key: number, seq: number): Near {
  const known = near.fences[key]!
  if (known > 0 ? known >= seq : seq <= near.floor) return near
  return { ...near, fences: near.fences.with(key, seq) }
}

function hold(near: Near, key: number, held: NearRecord | undefined): Near {
  return { ...near, records: near.records.with(key, held) }
}

/** An own commit. */
export function nearApply(near: Near, key: number, seq: number, deletes: boolean, { flaw }: Rules): Near {
  const held = near.records[key]
  const isLatest = held !== undefined || seq >= nearFence(near, key) || flaw === 'near-installs-on-absent'
  const after = record(near, key, seq)
  if (held !== undefined && held.version >= seq) return after
  return hold(after, key, !deletes && isLatest ? { version: seq, absent: false } : undefined)
}

/** The next change of the log. */
export function nearTail(near: Near, key: number, { flaw }: Rules): Near {
  const seq = near.watermark + 1
  const after = flaw === 'near-tail-raises-no-fence' ? near : record(near, key, seq)
  const held = near.records[key]
  return { ...(held !== undefined && held.version < seq ? hold(after, key, undefined) : after), watermark: seq }
}

/** An answer from below. */
export function nearFill(near: Near, { flaw }: Rules): Near {
  const { key, version, absent, asOf } = near.fill!
  const after: Near = { ...near, fill: undefined }
  const fence = near.fences[key]!
  const isAdmitted = fence > 0 ? version >= fence : asOf >= near.floor
  if (!isAdmitted && flaw !== 'near-fill-ignores-fence') return after
  const held = near.records[key]
  return held !== undefined && held.version >= version ? after : hold(after, key, { version, absent })
}

export function nearEvict(near: Near, key: number): Near {
  return hold(near, key, undefined)
}

/** There are too many keys to remember. */
export function nearForget(near: Near, key: number, { flaw }: Rules): Near {
  const floor = flaw === 'near-forgets-without-floor' ? near.floor : Math.max(near.floor, near.fences[key]!)
  return { ...near, floor, fences: near.fences.with(key, 0) }
}
