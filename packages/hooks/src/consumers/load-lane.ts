import { parkedOf } from './consumer-keys.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import { type LaneMark, readLaneMarks } from './lane-mark.ts'
import { decodeParked, PARKED_PER_PAGE } from './parked-mark.ts'
import { ParkedKeys } from './parked-keys.ts'
import { assertRegistered } from './registration.ts'
import { scanMarks } from './scan-marks.ts'

/**
 * Reads what is stored of a lane. To be called by the holder of its lease: nobody else changes it then.
 * @throws TidemarkError CONSUMER_DROPPED; what the back tier throws
 */
export async function loadLane(
  { back, name, registration, options }: ConsumerParts,
  lane: number,
): Promise<{ readonly mark: LaneMark; readonly parked: ParkedKeys }> {
  await assertRegistered(back, name, registration)
  const [mark] = await readLaneMarks(back.marks, name, [lane])
  const areKept = options.onFailure === 'parkKey'
  const parked = new ParkedKeys({ count: mark?.parked ?? 0, areKept })
  if (areKept)
    for await (const each of scanMarks(back.marks, parkedOf(name, lane), PARKED_PER_PAGE))
      parked.load(decodeParked(back.codec, each).row)
  const { since, notBefore } = registration
  return { mark: mark ?? { ...since, notBefore, open: 0, parked: 0 }, parked }
}
