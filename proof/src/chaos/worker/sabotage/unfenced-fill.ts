import { setTimeout as delay } from 'node:timers/promises'
import { pickKey } from '../../keys.ts'
import { drawFrom } from '../../random.ts'
import { RecordClient } from './record-client.ts'
import type { SabotageContext } from './sabotage-context.ts'

/** A reader fetches a record, is held up, and puts it back without asking any fence (row 2 of docs/races.md). */
export function unfencedFill(context: SabotageContext): void {
  const { keys, seed, signal } = context
  const client = new RecordClient(context)
  const draw = drawFrom(seed)
  const fill = async (): Promise<void> => {
    const found = await client.read(pickKey(keys, draw))
    await delay(draw.between(200, 1_000))
    if (found !== undefined && !signal.aborted) await client.overwrite(found.name, found.bytes)
  }
  const fillers = async (): Promise<void> => {
    while (!signal.aborted) await fill()
  }
  for (let i = 0; i < 8; i++) void fillers()
}
