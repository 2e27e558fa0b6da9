import type { Back } from '@tidemark/core'
import { lanesOf, partsOf, REGISTRATIONS } from './consumer-keys.ts'
import { decodeLaneMark } from './lane-mark.ts'
import { decodeRecord } from './record.ts'
import type { Registration } from './registration.ts'
import { scanMarks } from './scan-marks.ts'

export interface ConsumerPosition {
  readonly name: string
  /** It is done with the log up to here; what follows is still needed. */
  readonly seq: number
}

/** How far each registered consumer has come, whether or not any process runs it at present. */
export async function consumerPositions({ marks }: Pick<Back, 'marks'>): Promise<readonly ConsumerPosition[]> {
  const positions: ConsumerPosition[] = []
  for await (const { key, value } of scanMarks(marks, REGISTRATIONS)) {
    const [name] = partsOf(key) as [string]
    const { lanes, since } = decodeRecord<Registration>(key, value)
    let seq = Infinity
    let marked = 0
    for await (const mark of scanMarks(marks, lanesOf(name))) {
      marked++
      seq = Math.min(seq, decodeLaneMark(name, partsOf(mark.key)[1] as number, mark.value).seq)
    }
    // Lanes that nobody has worked on yet stand where the consumer was registered.
    positions.push({ name, seq: marked < lanes ? Math.min(seq, since.seq) : seq })
  }
  return positions
}
