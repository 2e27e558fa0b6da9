import { expect, test, vi } from 'vitest'
import { Waiters } from '../src/waiters.ts'

test('those who are due are woken, in the order in which they came; the others go on waiting', async () => {
  const waiters = new Waiters<number>()
  const woken: string[] = []
  const wait = (name: string, what: number): void => void waiters.wait(what).then(() => woken.push(name))
  wait('a', 2)
  wait('b', 3)
  wait('c', 1)
  expect(waiters.wake((what) => what < 3)).toBe(2)
  await Promise.resolve()
  expect(woken).toEqual(['a', 'c'])
  expect([...waiters]).toEqual([3])
})

test('who does not wait any more is forgotten, and listens to no signal', async () => {
  const waiters = new Waiters<number>()
  const [given, kept] = [new AbortController(), new AbortController()]
  const spies = [given.signal, kept.signal].map((signal) => ({
    added: vi.spyOn(signal, 'addEventListener'),
    removed: vi.spyOn(signal, 'removeEventListener'),
  }))
  const waits = [waiters.wait(1, given.signal), waiters.wait(2, kept.signal), waiters.wait(3)]
  const settled = Promise.allSettled(waits)
  given.abort('given up')
  expect([...waiters]).toEqual([2, 3])
  waiters.wake((what) => what === 2)
  waiters.fail('failed')
  expect(waiters.size).toBe(0)
  expect(await settled).toEqual([
    { status: 'rejected', reason: 'given up' },
    { status: 'fulfilled', value: undefined },
    { status: 'rejected', reason: 'failed' },
  ])
  for (const { added, removed } of spies) expect(removed.mock.calls).toEqual(added.mock.calls)
})

test('who had given up before does not wait', async () => {
  const waiters = new Waiters<number>()
  await expect(waiters.wait(1, AbortSignal.abort('given up'))).rejects.toBe('given up')
  expect(waiters.size).toBe(0)
})
