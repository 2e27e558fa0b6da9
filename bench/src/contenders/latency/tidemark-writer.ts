import type { WriteResult } from 'tidemark'
import { itemOf, stringKeys } from '../../workload/item.ts'
import { fill, openTidemark } from '../open-tidemark.ts'
import { CommitTimes } from './commit-times.ts'
import type { Writer, WriterSetup } from './writer.ts'

const ITEMS = 1_000

/** One `set` per item, as many callers would: those of one turn share a transaction. */
export async function tidemarkWriter({
  folder,
  redis,
  relay = false,
}: Extract<WriterSetup, { kind: 'tidemark' }>): Promise<Writer> {
  const store = await openTidemark({ folder, redisUrl: redis ?? '', quick: false }, { redis, relay })
  const names = stringKeys(ITEMS)
  await fill(store, ITEMS, (number) => names[number]!)
  const times = new CommitTimes()
  let writing: Promise<WriteResult>[] = []
  return {
    write(numbers) {
      for (const number of numbers) {
        writing.push(store.set(names[number % ITEMS]!, itemOf(number % ITEMS, number)))
      }
    },
    async committed() {
      const written = await Promise.all(writing)
      writing = []
      return written.map(({ version }) => times.of(version))
    },
  }
}
