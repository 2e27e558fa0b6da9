import { createMemoryBack, createNearMemory, RecentChanges, Store } from '@tidemark/core'
import { describe, expect, test } from 'vitest'

describe('a wrong option is refused, by name', () => {
  const back = createMemoryBack()
  test.each<[what: string, options: object, message: string, open: (options: never) => unknown]>([
    ['memory', { clock: {} }, 'option clock', createMemoryBack],
    ['memory', { codec: {} }, 'option codec', createMemoryBack],
    ['memory', { onError: 'log' }, 'option onError', createMemoryBack],
    ['memory', { maxLogChanges: 0 }, 'option maxLogChanges', createMemoryBack],
    ['memory', [], 'the options must be an object', createMemoryBack],
    ['near memory', { clock: {} }, 'option clock', createNearMemory],
    ['near memory', { random: 0.5 }, 'option random', createNearMemory],
    ['a fence', { capacity: 0 }, 'option capacity', (options) => new RecentChanges(options)],
    ['a fence', { floor: -1 }, 'option floor', (options) => new RecentChanges(options)],
    ['a store', { clock: {} }, 'option clock', (options) => new Store(back, options)],
    ['a store', { clok: undefined }, 'unknown option clok of Store', (options) => new Store(back, options)],
  ])('of %s: %j', (_what, options, message, open) => {
    const opening = (): unknown => open(options as never)
    expect(opening).toThrow(message)
    expect(opening).toThrow(expect.toSatisfy((error) => error instanceof TypeError || error instanceof RangeError))
  })
})
