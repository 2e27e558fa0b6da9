import type { Back } from '@tidemark/core'
import { vi } from 'vitest'
import type { Fleet, Instance, InstanceOptions } from './fleet.ts'

/** Far longer than a test takes: what is proven of Redis stays what it was when the test began. */
export const BOUND_MS = 60_000
export const PAIR = ['a', 'b'] as const
export const FROZEN = { frontMaxStaleMs: BOUND_MS }

/** For which Redis is proven to include what it does now, and no more. */
export async function openFrozen(fleet: Fleet, options: InstanceOptions = {}): Promise<Instance> {
  const instance = await fleet.open({ ...FROZEN, ...options })
  instance.front.inject(({ method }) => (method === 'look' ? 'drop-before' : undefined))
  // Behind one that was under way.
  await instance.redis.look()
  return instance
}

/** Both keys of a pair at once, as every writer here writes them. */
export const write = ({ store }: Instance, value: number): Promise<unknown> =>
  store.setMany(PAIR.map((key) => [key, value] as const))

/** As {@link write}, one after the other; the first one carries a tag. */
export async function writeTagged({ store }: Instance): Promise<void> {
  await store.set('a', 'old', { tags: ['T'] })
  await store.set('b', 'old')
}

export async function pairOf(
  { store }: Instance,
  options?: Parameters<Instance['store']['getMany']>[1],
): Promise<unknown[]> {
  const found = await store.getMany(PAIR, options)
  return PAIR.map((key) => found.get(key))
}

/** Something happens right before the back tier is asked for several keys, once. */
export function beforeReading(back: Back, happens: () => Promise<unknown>): void {
  const read = back.read.bind(back)
  vi.spyOn(back, 'read').mockImplementationOnce(async (keys, options) => {
    await happens()
    return read(keys, options)
  })
}
