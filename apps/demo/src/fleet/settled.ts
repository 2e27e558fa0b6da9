import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { InstanceStats } from '../instance/routes/health.ts'
import { TOTAL_LANES } from '../places/country-totals.ts'

/** A new stream is filled with the last 50,000 changes first. */
const RELAYED_WITHIN_MS = 30_000
/** A lane whose owner was killed is taken over when its lease has ended; the rest is room for a busy machine. */
const SETTLED_WITHIN_MS = 20_000
const LOOK_EVERY_MS = 50

/** Resolves when the consumers have dealt with everything, or when that takes too long: what they have not counted, the check finds. */
export async function totalsSettled(look: () => Promise<readonly InstanceStats[]>): Promise<void> {
  const deadline = performance.now() + SETTLED_WITHIN_MS
  while (!isSettled(await look()) && performance.now() < deadline) await sleep(LOOK_EVERY_MS)
}

function isSettled(instances: readonly InstanceStats[]): boolean {
  const lanes = instances.flatMap(({ totals }) => totals?.lanes ?? [])
  return new Set(lanes.map(({ lane }) => lane)).size === TOTAL_LANES && lanes.every(({ lag }) => lag === 0)
}

/** Resolves when the instance without the file has heard of everything up to `head`: until then, its "now" lies in the past. */
export async function readerIsThere(url: string, head: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + RELAYED_WITHIN_MS
  while (performance.now() < deadline && !signal.aborted) {
    const { body } = await request(`${url}/healthz`)
    const { position } = (await body.json()) as { position: number }
    if (position >= head) return
    await sleep(LOOK_EVERY_MS)
  }
}
