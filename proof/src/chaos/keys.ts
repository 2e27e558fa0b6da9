import type { Micros } from './clock.ts'
import type { Draw } from './random.ts'

/** One key in four is a counter, which is only ever incremented. */
const COUNTER_EVERY = 4

/** The keys of a run: `k0`, `k1`, … and counters among them. */
export function keysOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => (i % COUNTER_EVERY === COUNTER_EVERY - 1 ? `counter${i}` : `k${i}`))
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
