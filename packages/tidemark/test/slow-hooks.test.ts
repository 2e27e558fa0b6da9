import { eventually, startRedis } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { open, type WritePolicy } from 'tidemark'
import { tempFile } from './support/temp.ts'

// konserve calls its hooks inside of the lock of the key, and waits for them.

/** A store of that design. */
function naive(hook: () => Promise<void>): (key: string) => Promise<void> {
  const locks = new Map<string, Promise<void>>()
  return (key) => {
    const written = (locks.get(key) ?? Promise.resolve()).then(hook)
    locks.set(key, written)
    return written
  }
}

const never = (): Promise<void> => new Promise(() => {})

test('a hook that never ends holds up its key, in the naive design', async () => {
  const set = naive(never)
  void set('k')
  let isWritten = false
  void set('k').then(() => (isWritten = true))
  // Whatever only waits for promises has happened by then.
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(isWritten).toBe(false)
})

test.each(['write-through', 'write-around', 'write-behind'] satisfies WritePolicy[])(
  'a hook that never ends holds up neither its key nor the other hooks (%s)',
  async (writePolicy) => {
    await using server = await startRedis()
    await using store = await open({ file: tempFile(), redis: server.url, synchronous: 'normal', writePolicy })
    store.hooks.add('stuck', never)
    const heard: unknown[] = []
    store.hooks.add('other', ({ value }) => void heard.push(value))
    for (let i = 1; i <= 20; i++) {
      await store.set('k', i)
      await store.flush()
      expect(await store.get('k')).toBe(i)
    }
    expect(await store.update<number>('k', (n) => n! + 1)).toMatchObject({ old: 20, new: 21 })
    await eventually('the other hook has heard everything', () => heard.length === 21)
    expect(heard).toEqual(Array.from({ length: 21 }, (_, i) => i + 1))
    // Closing would give it its time.
    store.hooks.remove('stuck')
  },
)
