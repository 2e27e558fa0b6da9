// Counts for ever, in many lanes: each commit sets a value, and the mark of its lane to the same number, under the lease of
// the lane, while the log is compacted. Prints each number that was acknowledged: "<lane> <number>".
import { createCborCodec, Payload, StoreKey } from '@tidemark/core'
import { createSqliteBack } from '../../src/index.ts'

const [file = ''] = process.argv.slice(2)
const back = createSqliteBack({ file })
const codec = createCborCodec()
process.stdout.write('ready\n')

async function count(lane: number): Promise<void> {
  const key = StoreKey.of(['lane', lane])
  const mark = (await back.marks.read([key]))[0]?.read() as number | undefined
  // Of a key of this process alone: those that were killed still hold theirs.
  const { lease } = await back.leases.acquire(StoreKey.of(['lease', process.pid, lane]), 60_000)
  for (let n = (mark ?? 0) + 1; ; n++) {
    const payload = Payload.encode(codec, n)
    await back.commit({
      reads: [],
      lease,
      keepLease: true,
      marks: [{ key, value: payload }],
      decide: () => [{ op: 'set', key, payload, expiresAt: undefined, meta: undefined, path: undefined }],
    })
    process.stdout.write(`${lane} ${n}\n`)
  }
}

async function compact(): Promise<void> {
  for (;;) {
    const upTo = Math.max(0, (await back.log.head()) - 50)
    await back.compaction.compact({ upTo, limit: 20, keepLatest: true })
    await back.compaction.reclaim(8_192)
  }
}

await Promise.all([compact(), ...Array.from({ length: 16 }, (_, lane) => count(lane))])
