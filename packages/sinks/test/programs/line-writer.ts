// Hands the changes 1 to <total> to a JSON lines sink, in four lanes, from where the last run has noted that each lane was.
// That is noted after every third batch only, so that batches come again. Says each batch on stdout; killed whenever it is.
import { readFileSync, writeFileSync } from 'node:fs'
import { jsonLines } from '@tidemark/sinks'

const [file = '', total = '0', maxBytes = '0'] = process.argv.slice(2)
const LANES = 4
const noteOf = (lane: number): string => `${file}.lane${lane}`

function placeOf(lane: number): number {
  try {
    return Number(readFileSync(noteOf(lane), 'utf8'))
  } catch {
    return 0
  }
}

function changeOf(seq: number) {
  // Large ones take a while to write, which is when to be killed.
  const value = 'x'.repeat(seq % 50 === 0 ? 400_000 : seq % 500)
  return { seq, toJSON: () => ({ seq, key: [`k${seq % 16}`], value }) }
}

await using sink = jsonLines(file, { rotate: { maxBytes: Number(maxBytes), gzip: true } })
const context = {
  signal: new AbortController().signal,
  idempotencyKey: ({ seq }: { readonly seq: number }) => `log:1:${seq}`,
}

async function run(lane: number): Promise<void> {
  const seqs = Array.from({ length: Number(total) }, (_, i) => i + 1).filter((seq) => seq % LANES === lane)
  let place = placeOf(lane)
  for (let batches = 1; place < seqs.length; batches++) {
    const batch = seqs.slice(place, place + 7)
    await sink(batch.map(changeOf), context)
    process.stdout.write(`${batch.length}\n`)
    place += batch.length
    if (batches % 3 === 0 || place === seqs.length) writeFileSync(noteOf(lane), String(place), { flush: true })
  }
}

await Promise.all(Array.from({ length: LANES }, (_, lane) => run(lane)))
