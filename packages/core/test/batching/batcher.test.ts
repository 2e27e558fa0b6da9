import { describe, expect, test } from 'vitest'
import { Batcher } from '../../src/batching/batcher.ts'

function recorder() {
  const batches: (readonly number[])[] = []
  const run = async (items: readonly number[]): Promise<readonly number[]> => {
    batches.push(items)
    return items.map((item) => item * 10)
  }
  return { batches, run }
}

describe('Batcher', () => {
  test('what is asked for in one turn is served together', async () => {
    const { batches, run } = recorder()
    const batcher = new Batcher({ run, maxItems: 10 })
    const first = batcher.add(1)
    await Promise.resolve()
    expect(await Promise.all([first, batcher.add(2), batcher.add(1)])).toEqual([10, 20, 10])
    expect(batches).toEqual([[1, 2, 1]])
  })

  test('a full batch leaves at once', () => {
    const { batches, run } = recorder()
    const batcher = new Batcher({ run, maxItems: 2 })
    for (const item of [1, 2, 3]) void batcher.add(item)
    expect(batches).toEqual([[1, 2]])
  })

  test('a full batch leaves at once in each turn anew, however many the last one had', async () => {
    const { batches, run } = recorder()
    const batcher = new Batcher({ run, maxItems: 1 })
    await Promise.all(Array.from({ length: 100 }, (_, i) => batcher.add(i)))
    const before = batches.length
    void batcher.add(100)
    expect(batches).toHaveLength(before + 1)
  })

  test('the same identity has one place until the batch leaves, and none in the next', async () => {
    const { batches, run } = recorder()
    const batcher = new Batcher({ run, maxItems: 2, identityOf: String })
    const answers = [1, 1, 2, 1].map((item) => batcher.add(item))
    expect(await Promise.all(answers)).toEqual([10, 10, 20, 10])
    expect(batches).toEqual([[1, 2], [1]])
  })

  test('a failure is that of its own batch', async () => {
    const batcher = new Batcher<number, number>({
      run: async (items) => {
        if (items.includes(1)) throw new Error('no')
        return items
      },
      maxItems: 2,
    })
    const answers = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)))
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
  })

  test('answers that come at once and ask for more let the event loop turn', async () => {
    const { run } = recorder()
    const batcher = new Batcher({ run, maxItems: 2 })
    let turned = false
    setImmediate(() => (turned = true))
    const lane = async (): Promise<void> => {
      for (let i = 0; i < 10_000 && !turned; i++) await batcher.add(i)
    }
    await Promise.all([lane(), lane(), lane(), lane()])
    expect(turned).toBe(true)
  })
})
