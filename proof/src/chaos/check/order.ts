import type { History, WriteEvent } from '../history/events.ts'
import type { Describer } from './describe.ts'
import type { Findings } from './findings.ts'
import type { Truth } from './truth.ts'

/** The order of the log never contradicts real time: no read of the future, and no write before one that it followed. */
export function checkOrder(history: History, truth: Truth, findings: Findings, describe: Describer): void {
  for (const read of history.reads) {
    if (read.id === undefined) continue
    const key = truth.of(read.key)
    const place = key.placeOf(read.id)
    if (place === undefined) continue
    const { visibleFrom } = key.states[place]!
    if (visibleFrom > read.return) {
      findings.add(
        'futureReads',
        () => `${describe.read(read)}, but that was not begun before ${describe.at(visibleFrom)}`,
      )
    }
  }

  const acknowledged = history.writes.filter(isChange)
  const returning = acknowledged.toSorted((a, b) => a.ack.return - b.ack.return)
  let returned = 0
  let newest: Acknowledged | undefined
  for (const write of acknowledged.toSorted((a, b) => a.invoke - b.invoke)) {
    for (; returning[returned]!.ack.return < write.invoke; returned++) {
      const done = returning[returned]!
      if (newest === undefined || done.ack.version > newest.ack.version) newest = done
    }
    const before = newest
    if (before === undefined || before.ack.version < write.ack.version) continue
    findings.add('disorderedWrites', () => `${describe.write(write)} came after ${describe.write(before)}`)
  }
}

type Acknowledged = WriteEvent & { readonly ack: NonNullable<WriteEvent['ack']> }

function isChange(write: WriteEvent): write is Acknowledged {
  return write.ack?.changed === true
}
