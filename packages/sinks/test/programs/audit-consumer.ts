// Consumes the log of <database> into lines of JSON until all of it is there; says each batch on stdout, and is killed whenever
// that is. Batches whose place in the log it could not note any more come again.
import { consume, type ConsumerEvent } from '@tidemark/hooks'
import { jsonLines, type Sink } from '@tidemark/sinks'
import { createSqliteBack } from '@tidemark/sqlite'

const [database = '', file = ''] = process.argv.slice(2)
const back = createSqliteBack({ file: database, synchronous: 'normal' })
const sink = jsonLines(file, { rotate: { maxBytes: 20_000, gzip: true } })
const told: Sink = async (changes, context) => {
  await sink(changes, context)
  process.stdout.write(`${changes.length}\n`)
}
const options = {
  from: 'start',
  lanes: 4,
  batch: 25,
  attempts: 1_000,
  backoff: { minMs: 1, maxMs: 2 },
  leaseMs: 100,
} as const
const consumer = await consume(back, 'audit', options, told)
const alarms: readonly ConsumerEvent['kind'][] = ['parked', 'halted', 'skipped', 'trouble', 'ended']
consumer.events$.subscribe((event) => {
  // So short a lease ends in a process that gets no processor meanwhile; its lanes are taken anew.
  if (event.kind === 'trouble' && (event.error as { code?: unknown }).code === 'LEASE_LOST') return
  if (alarms.includes(event.kind)) console.error(event)
})
await consumer.caughtUp()
await consumer.close()
await sink.close()
await back.close()
