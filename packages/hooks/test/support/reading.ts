import type { Log } from '@tidemark/core'
import type { ChangeBatch } from '../../src/index.ts'

/** Pulls until `count` changes came, then stops. */
export async function take(source: AsyncIterable<ChangeBatch>, count: number): Promise<ChangeBatch[]> {
  const batches: ChangeBatch[] = []
  let seen = 0
  if (count === 0) return batches
  for await (const batch of source) {
    batches.push(batch)
    seen += batch.changes.length
    if (seen >= count) break
  }
  return batches
}

export async function takeSeqs(source: AsyncIterable<ChangeBatch>, count: number): Promise<number[]> {
  return (await take(source, count)).flatMap((batch) => batch.changes.map((change) => change.seq))
}

export async function firstBatch(source: AsyncIterable<ChangeBatch>): Promise<ChangeBatch> {
  for await (const batch of source) return batch
  throw new Error('the stream ended')
}

/** The log, with some of its methods replaced. */
export function withLog(log: Log, overrides: Partial<Log>): Log {
  return {
    get identity() {
      return log.identity
    },
    sync: undefined,
    head: () => log.head(),
    floor: () => log.floor(),
    read: (options) => log.read(options),
    at: (seqs) => log.at(seqs),
    seqBefore: (at) => log.seqBefore(at),
    changesOf: (key, options) => log.changesOf(key, options),
    wait: (after, signal) => log.wait(after, signal),
    nudge: () => log.nudge(),
    ...overrides,
  }
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
