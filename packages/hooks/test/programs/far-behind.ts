// A million changes are written while some subscribers do not pull; then these catch up. Prints what was held meanwhile:
// the heap after a full collection, in MB beyond what it was before, and how large the write-ahead log has become.
import { statSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { changes, changes$, consume, createHooks, follow, sharedLog } from '@tidemark/hooks'
import { createSqliteBack } from '@tidemark/sqlite'
import { commit, setting } from '../support/writing.ts'

const TOTAL = 1_000_000
/** So much of it each of them catches up with. */
const PART = 200_000
const COMMIT = 1_000
const KEYS = 100_000
const BATCH = 200
const MAX_PENDING = 1_000
const MB = 1_000_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const file = process.argv[2]!
const here = createSqliteBack({ file, synchronous: 'normal' })
const there = createSqliteBack({ file, synchronous: 'normal' })
const value = 'x'.repeat(100)

function inUse(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

class Peak {
  #before: number
  #most = 0

  constructor() {
    this.#before = inUse()
  }

  look(): void {
    this.#most = Math.max(this.#most, inUse() - this.#before)
  }

  get mb(): number {
    return Math.round(this.#most / MB)
  }
}

/** Every change once, in order. */
class Run {
  last = 0

  take(seqs: readonly { readonly seq: number }[]): void {
    for (const { seq } of seqs) if (seq !== ++this.last) throw new Error(`${seq} came where ${this.last} was due`)
  }
}

const log = sharedLog(here.log)
const walSize = (): number => statSync(`${file}-wal`).size
let written = 0
const write = async (count: number): Promise<void> => {
  await commit(there, ...Array.from({ length: count }, () => setting(['n', written++ % KEYS], value)))
}

await write(COMMIT)
const report: Record<string, number> = {}

// Behind: a reader and a snapshot that stand still, and a hook that never comes to an end.
const behind = new Peak()
const stalled = changes(log, { from: 'start', batch: BATCH })[Symbol.asyncIterator]()
const stalledRun = new Run()
stalledRun.take((await stalled.next()).value!.changes)
const scanning = follow({ scan: here.scan.bind(here), read: here.read.bind(here), log }, { batch: BATCH })
const stalledScan = scanning[Symbol.asyncIterator]()
await stalledScan.next()
const hooks = createHooks(there)
let disconnected = 0
hooks.hookErrors$.subscribe((error) => {
  if (error.kind === 'hook-disconnected') disconnected += error.missed
})
hooks.add('hangs', () => new Promise<void>(() => {}), { maxPending: MAX_PENDING })
const live = new Run()
const living = (async () => {
  for await (const { changes: some } of changes(log, { from: 'start', batch: BATCH })) {
    live.take(some)
    if (live.last === TOTAL) return
  }
})()
let wal = 0
while (written < TOTAL) {
  await write(COMMIT)
  // The other one gets what is written while they stand still.
  while (live.last < written) await new Promise(setImmediate)
  wal = Math.max(wal, walSize())
  if (written % PART === 0) behind.look()
}
await living
report['behind'] = behind.mb
report['wal'] = Math.round(wal / MB)
report['disconnected'] = disconnected

// Catching up.
const reading = new Peak()
for (let steps = 0; stalledRun.last < PART; steps++) {
  stalledRun.take((await stalled.next()).value!.changes)
  if (steps % 100 === 0) reading.look()
}
await stalled.return!()
report['reading'] = reading.mb

const observing = new Peak()
const observed = new Run()
await new Promise<void>((resolve, reject) => {
  let steps = 0
  const subscription = changes$(log, { from: 'start', batch: BATCH }).subscribe({
    next({ changes: some }) {
      observed.take(some)
      if (steps++ % 100 === 0) observing.look()
      if (observed.last >= PART) resolve(subscription.unsubscribe())
    },
    error: reject,
  })
})
report['observing'] = observing.mb

const consuming = new Peak()
let handled = 0
let handlings = 0
let held = 0
const lanes = 4
const consumer = await consume(here, 'late', { from: 'start', batch: BATCH, lanes, log }, async (some) => {
  handled += some.length
  const stats = await consumer.stats()
  held = Math.max(held, ...stats.lanes.map((lane) => lane.held))
  if (++handlings % 100 === 0) consuming.look()
})
while (handled < PART / 2) await new Promise(setImmediate)
await consumer.close()
report['consuming'] = consuming.mb
report['held'] = held

// A snapshot of all there is, begun when there was next to nothing, and one begun now.
const following = new Peak()
const shown = new Set<number>()
for (let steps = 0; ; steps++) {
  const { value: step } = await stalledScan.next()
  if (step!.kind === 'ready') break
  if (step!.kind === 'snapshot') for (const { key } of step!.entries) shown.add(key[1] as number)
  if (steps % 100 === 0) following.look()
}
await stalledScan.return!()
report['following'] = following.mb
report['missing'] = KEYS - shown.size - BATCH

await hooks.close()
await Promise.all([here.close(), there.close()])
console.log(JSON.stringify(report))
process.exit()
