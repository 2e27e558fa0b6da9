import { setTimeout as delay } from 'node:timers/promises'
import { pickKey } from '../../keys.ts'
import { drawFrom } from '../../random.ts'
import { RecordClient } from './record-client.ts'
import type { SabotageContext } from './sabotage-context.ts'

/** The record of one key gets under another one, as with a hash for an identity that collides. */
export function swappedRecord(context: SabotageContext): void {
  const { keys, seed, signal } = context
  const client = new RecordClient(context)
  const draw = drawFrom(seed)
  const swap = async (): Promise<void> => {
    while (!signal.aborted) {
      const [one, other] = await Promise.all([client.read(pickKey(keys, draw)), client.read(pickKey(keys, draw))])
      if (one !== undefined && other !== undefined) await client.overwrite(one.name, other.bytes)
      await delay(draw.between(20, 100))
    }
  }
  void swap()
}
