import { type Back, Store } from '@tidemark/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Model, storeCommands } from './store-model.ts'

export interface ModelTestOptions {
  /** Opens an empty store that nobody else uses; one per sequence. */
  readonly open: () => Back | Promise<Back>
  /** @default 100 */
  readonly runs?: number
  /** The longest sequence. @default 40 */
  readonly maxCommands?: number
}

/** Random sequences of calls: the store must answer each as a plain Map would, and hold the same at the end. */
export function modelTest(name: string, { open, runs = 100, maxCommands = 40 }: ModelTestOptions): void {
  it(`model: ${name} behaves as a Map with versions does`, async () => {
    await fc.assert(
      fc.asyncProperty(storeCommands(maxCommands), async (commands) => {
        const store = new Store(await open())
        const model: Model = new Map()
        try {
          await fc.asyncModelRun(() => ({ model, real: store }), commands)
          const held = await Array.fromAsync(store.entries())
          expect(new Map(held.map(({ key, value }) => [String(key), value]))).toEqual(
            new Map([...model.values()].map(({ key, value }) => [String(key), value])),
          )
        } finally {
          await store.close()
        }
      }),
      { numRuns: runs },
    )
  })
}
