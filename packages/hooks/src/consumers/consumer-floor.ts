import type { Back } from '@tidemark/core'
import { lanesOf, partsOf, REGISTRATIONS } from './consumer-keys.ts'
import { decodeLaneMark } from './lane-mark.ts'
import { decodeRecord } from './record.ts'
import type { Registration } from './registration.ts'
import { scanMarks } from './scan-marks.ts'

/**
 * The seq up to which every registered consumer is done with the log: what follows it is still needed by one of them, whether
 * or not any process runs it at present.
 * @returns undefined: none is registered
 */
export async function consumerFloor({ marks }: Pick<Back, 'marks'>): Promise<number | undefined> {
  let floor: number | undefined
  for await (const { key, value } of scanMarks(marks, REGISTRATIONS)) {
    const [name] = partsOf(key) as [string]
    const { lanes, since } = decodeRecord<Registration>(key, value)
    let marked = 0
    for await (const mark of scanMarks(marks, lanesOf(name))) {
      const { seq } = decodeLaneMark(name, partsOf(mark.key)[1] as number, mark.value)
      marked++
      floor = Math.min(floor ?? Infinity, seq)
    }
    if (marked < lanes) floor = Math.min(floor ?? Infinity, since.seq)
  }
  return floor
}
