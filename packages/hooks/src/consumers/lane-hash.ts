import type { StoreKey } from '@tidemark/core'
import { hash32 } from '../hash.ts'

/**
 * The lane of a key. Decides where marks of parked changes and the place in the log of each key are: never change it.
 */
export function laneOf(key: StoreKey, lanes: number): number {
  return hash32(key.bytes) % lanes
}
