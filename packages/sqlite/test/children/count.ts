// Adds one to shared counters, follows the whole log, and prints what it saw as JSON.
import { createCborCodec, Payload, StoreKey } from '@tidemark/core'
import { createSqliteBack } from '../../src/index.ts'

const [file = '', writes = '0', total = '0'] = process.argv.slice(2)
const back = createSqliteBack({ file, busyTimeoutMs: 25_000 })
const codec = createCborCodec()
process.stdout.write('ready\n')
await new Promise((resolve) => process.stdin.once('data', resolve))

const own: number[] = []
back.onCommit((commits) => {
  for (const { changes } of commits) for (const { seq } of changes) own.push(seq)
})

async function follow(): Promise<number> {
  let after = 0
  while (after < Number(total)) {
    await back.log.wait(after, AbortSignal.timeout(25_000))
    const { changes } = await back.log.read({ after, limit: 100 })
    for (const { seq } of changes) {
      if (seq !== after + 1) throw new Error(`${seq} came after ${after}`)
      after = seq
    }
  }
  return after
}

async function write(lane: number): Promise<void> {
  for (let i = lane; i < Number(writes); i += 8) {
    const key = StoreKey.of(['counter', i % 5])
    await back.commit({
      reads: [key],
      decide: ([entry]) => {
        const payload = Payload.encode(codec, ((entry?.payload.read() as number | undefined) ?? 0) + 1)
        return [{ op: 'set', key, payload, expiresAt: undefined, meta: undefined, path: undefined }]
      },
    })
  }
}

const alive = setInterval(() => {}, 1000)
const [followed] = await Promise.all([follow(), ...Array.from({ length: 8 }, (_, lane) => write(lane))])
clearInterval(alive)
const inOrder = own.every((seq, i) => i === 0 || seq > own[i - 1]!)
process.stdout.write(`${JSON.stringify({ own: own.length, inOrder, followed })}\n`)
await back.close()
// Nothing but the input that it was started by is left to keep it.
process.stdin.destroy()
