/** Microseconds of CLOCK_MONOTONIC: one clock for every process of the machine. */
export type Micros = number

export function nowMicros(): Micros {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1e6 + Math.floor(nanos / 1e3)
}
