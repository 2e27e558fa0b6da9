import type { OpenOptions } from 'tidemark'
import type { Place, Subject } from '../runner/case.ts'
import { itemOf, stringKeys } from '../workload/item.ts'
import { inLanes } from '../workload/lanes.ts'
import { writesOf } from '../workload/writes.ts'
import { fill, openTidemark } from './open-tidemark.ts'

export interface BufferedWritesOptions {
  readonly items: number
  readonly lanes: number
  readonly picks: (count: number) => () => number
  readonly open: Omit<OpenOptions, 'file'>
}

/** Tidemark, filled, opened with this policy, and written to; what was written behind is committed before the time is taken. */
export async function bufferedWrites(
  place: Place,
  { items, lanes, picks, open }: BufferedWritesOptions,
): Promise<Subject> {
  const names = stringKeys(items)
  const filling = await openTidemark(place, { redis: open.redis })
  await fill(filling, items, (number) => names[number]!)
  await filling.close()
  const store = await openTidemark(place, open)
  const pick = picks(items)
  let revision = 0
  const one = async (): Promise<void> => {
    const number = pick()
    await store.set(names[number]!, itemOf(number, ++revision))
  }
  const before = await store.head()
  return {
    ...writesOf({
      items,
      lanes,
      write: (number, value) => store.set(names[number]!, value),
      readBack: (number) => store.get(names[number]!, { consistency: 'linearizable' }),
      close: () => store.close(),
    }),
    async run(times) {
      await inLanes(lanes, times, one)
      await store.flush()
    },
    notes: async () => ({ 'writes per change of the log': revision / ((await store.head()) - before) }),
  }
}
