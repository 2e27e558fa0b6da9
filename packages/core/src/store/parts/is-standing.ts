import type { StoreKey } from '../../keys/store-key.ts'
import type { Uuid } from '../../keys/uuid.ts'
import type { Back, ReadOptions } from '../../ports/back.ts'
import { headIdOf } from './part-head.ts'

/** Whether this log or blob is what stands at the key. What was read of its parts before that is known is then whole. */
export async function isStanding<R extends ReadOptions>(
  { back }: { readonly back: Pick<Back<R>, 'readOne'> },
  key: StoreKey,
  id: Uuid,
): Promise<boolean> {
  const { entry } = await back.readOne(key, { consistency: 'linearizable' } as R)
  return entry !== undefined && headIdOf(entry)?.equals(id) === true
}
