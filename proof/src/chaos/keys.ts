import { type StoreKey, tagOfKey } from '@tidemark/core'
import type { Micros } from './clock.ts'
import type { Draw } from './random.ts'

/** One key in four is a counter, which is only ever incremented; and one is loaded where it is absent, and carries tags. */
const KINDS = ['k', 'loaded', 'k', 'counter']

/** The keys of a run: `k0`, `loaded1`, … */
export function keysOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${KINDS[i % KINDS.length]}${i}`)
}

export function isLoaded(key: string): boolean {
  return key.startsWith('loaded')
}

/** Those that loaded keys may carry. */
export const TAGS: readonly string[] = ['t0', 't1', 't2']

/** How histories and reports call a tag, among keys. */
export function nameOfTag(tag: string): string {
  return `#${tag}`
}

/** How histories and reports call what the store keeps under this key. */
export function nameOf(key: StoreKey): string {
  const tag = tagOfKey(key)
  return tag === undefined ? key.id : nameOfTag(tag)
}

export function isCounter(key: string): boolean {
  return key.startsWith('counter')
}

const TURN_MICROS = 200_000

/** One key after the other has its turn, in all processes at the same time. */
export function keyInTurn(keys: readonly string[], now: Micros): string {
  return keys[Math.floor(now / TURN_MICROS) % keys.length]!
}

/** Some keys are hotter than others: in what is written all the time, a stale record would not stand for long. */
export function pickKey(keys: readonly string[], draw: Draw): string {
  return keys[Math.floor(draw.unit() ** 2 * keys.length)]!
}
