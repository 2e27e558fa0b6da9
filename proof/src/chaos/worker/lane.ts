import { setTimeout as delay } from 'node:timers/promises'
import { nowMicros } from '../clock.ts'
import { isCounter, isLoaded, keyInTurn, pickKey, TAGS } from '../keys.ts'
import { type Draw, drawFrom } from '../random.ts'
import { planLoad, someTags } from './load-plan.ts'
import type { Recorder } from './recorder.ts'

const READS = 0.72
/** Everybody reads and writes one key for a moment, and then hardly anybody writes it: what went wrong stays to be seen. */
const IN_TURN = { reads: 0.4, writes: 0.9 }
const AROUND = 0.3
const BODY = { min: 10, max: 1_500 }
/** Pauses after half of the calls, up to so many ms; the other half are followed at once. */
const LONGEST_PAUSE_MS = 40

/** Calls one after the other, at random, until the signal aborts. Several lanes race each other. */
export async function runLane(
  recorder: Recorder,
  keys: readonly string[],
  seed: number,
  signal: AbortSignal,
): Promise<void> {
  const draw = drawFrom(seed)
  while (!signal.aborted) {
    await callOnce(recorder, keys, draw)
    if (draw.unit() < 0.5) await delay(draw.between(0, LONGEST_PAUSE_MS))
  }
}

function callOnce(recorder: Recorder, keys: readonly string[], draw: Draw): Promise<void> {
  const choice = draw.unit()
  const inTurn = choice < READS ? IN_TURN.reads : IN_TURN.writes
  const key = draw.unit() < inTurn ? keyInTurn(keys, nowMicros()) : pickKey(keys, draw)
  if (choice < READS) return readOnce(recorder, keys, key, choice / READS, draw)
  // Removes from Redis what others install, so that fills of the same key are on their way at the same time.
  const policy = draw.unit() < AROUND ? 'write-around' : 'write-through'
  const bodyLength = draw.between(BODY.min, BODY.max)
  if (isCounter(key)) return recorder.increment(key, bodyLength, policy)
  const isTagged = isLoaded(key)
  if (isTagged && draw.unit() < 0.4) return recorder.invalidate(draw.pick(TAGS))
  if (draw.unit() >= 0.75) return recorder.delete(key, policy)
  return recorder.set(key, bodyLength, policy, isTagged ? someTags(draw) : [])
}

function readOnce(recorder: Recorder, keys: readonly string[], key: string, choice: number, draw: Draw): Promise<void> {
  if (isLoaded(key) && draw.unit() < 0.5) {
    return recorder.getOrSet(key, planLoad(draw, draw.between(BODY.min, BODY.max)))
  }
  if (choice < 0.4) return recorder.get(key)
  if (choice < 0.8) return recorder.entry(key, 'entry')
  if (choice < 0.85) return recorder.entry(key, 'linearizable')
  const several = new Set([key, ...Array.from({ length: 5 }, () => pickKey(keys, draw))])
  return recorder.getMany([...several])
}
