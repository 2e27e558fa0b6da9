import { expect, test, vi } from 'vitest'
import { Fleet, type Instance } from '../support/fleet.ts'

const PATIENT = { writePolicy: 'write-behind', writeBehind: { maxAgeMs: 600_000 } } as const
const PAIR = ['a', 'b'] as const

const write = ({ store }: Instance, value: number): Promise<unknown> =>
  store.setMany(PAIR.map((key) => [key, value] as const))

async function pairOf({ store }: Instance): Promise<unknown[]> {
  const found = await store.getMany(PAIR)
  return PAIR.map((key) => found.get(key))
}

/** One of the pair is committed and the other waits to be flushed; something happens before the back tier is asked. */
async function halfFlushed(happens: (instance: Instance, fleet: Fleet) => Promise<unknown>, times = 1) {
  const fleet = new Fleet()
  const instance = await fleet.open(PATIENT)
  await instance.store.set('a', 1, { writePolicy: 'write-through' })
  await instance.store.set('b', 1)
  const read = instance.back.read.bind(instance.back)
  let left = times
  vi.spyOn(instance.back, 'read').mockImplementation(async (keys, options) => {
    if (left-- > 0) await happens(instance, fleet)
    return read(keys, options)
  })
  return instance
}

test('nobody reads half of what is written and flushed while others of its keys are read from below', async () => {
  const instance = await halfFlushed(async (each) => {
    await write(each, 2)
    await each.tiers.flush()
  })
  expect(await pairOf(instance)).toEqual([2, 2])
})

test('nor of what another process commits after a flush', async () => {
  const instance = await halfFlushed(async (each, fleet) => {
    await each.tiers.flush()
    await write(await fleet.open(), 3)
  })
  expect(await pairOf(instance)).toEqual([3, 3])
})

test('nor of what is written again each time', async () => {
  let value = 1
  const instance = await halfFlushed(async (each) => {
    await write(each, ++value)
    await each.tiers.flush()
    await each.store.set('b', value)
  }, 10)
  const [a, b] = await pairOf(instance)
  expect([a, b]).toEqual([value, value])
  expect(value).toBeLessThan(10)
})

test('what waits all the while is read as it stands, and nothing is flushed for it', async () => {
  const instance = await halfFlushed((each) => each.store.set('c', 1))
  const head = () => instance.back.log.sync!.head()
  const before = head()
  expect(await pairOf(instance)).toEqual([1, 1])
  expect([head(), instance.back.reads]).toEqual([before, 1])
})
