import type { Back } from '@tidemark/core'
import { scanMarks } from '../consumers/scan-marks.ts'
import { decodeCheckpoint } from './checkpoint.ts'
import { CHECKPOINTS, nameOfCheckpoint } from './sync-keys.ts'

/** How far a sync into a store has come, as is stored there. */
export interface SyncPosition {
  readonly name: string
  /** The id of the log that it copies. */
  readonly source: string
  /** Of that log: the store holds what the source held right after this change; in a snapshot, of the keys that were copied. */
  readonly position: number
  readonly phase: 'snapshot' | 'following'
  /** `version` stands for `custom`, too; undefined: an older release has begun it, and no newer one has run it since. */
  readonly policy: 'version' | 'lastWriter' | undefined
}

/** Every sync into this store, whether or not any process runs it at present. */
export async function syncPositions({ marks }: Pick<Back, 'marks'>): Promise<readonly SyncPosition[]> {
  const positions: SyncPosition[] = []
  for await (const { key, value } of scanMarks(marks, CHECKPOINTS)) {
    const { log, seq, snapshot, scope } = decodeCheckpoint(key, value)
    const phase = snapshot === undefined ? 'following' : 'snapshot'
    positions.push({ name: nameOfCheckpoint(key), source: log, position: seq, phase, policy: scope?.policy })
  }
  return positions
}
