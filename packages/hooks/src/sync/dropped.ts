import { TidemarkError } from '@tidemark/core'
import type { Checkpoint } from './checkpoint.ts'

/**
 * That what is stored goes on from what was met before. Where a sync of the name was begun after the drop, it is another
 * one, and to stand by for it is not what was asked for. An older release keeps no note of the beginning when it takes a
 * snapshot anew, so that a note which is not there says nothing.
 *
 * @throws TidemarkError SYNC_DROPPED
 */
export function assertNotDropped(name: string, met: Checkpoint | undefined, stored: Checkpoint | undefined): void {
  if (met === undefined) return
  if (stored !== undefined && (stored.begun === undefined || stored.begun === met.begun)) return
  throw new TidemarkError('SYNC_DROPPED', `sync ${name} was dropped; to start it again copies everything anew`)
}
