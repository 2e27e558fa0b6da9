import { type Back, partOf } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../waiting/eventually.ts'
import { countParts } from './part-counts.ts'
import type { StartStore } from './store-suite.ts'

const CHUNK = 256 * 1024

export function describePartRemoval(start: StartStore): void {
  describe('the removal of parts', () => {
    it('reads none of them, neither to find out that there are any nor to remove them', async () => {
      const { store, back } = await start()
      await store.blob('b').write(new Uint8Array(3 * CHUNK))
      await store.blob('gone').write(new Uint8Array(3 * CHUNK))
      await store.log('l').append(1)
      await store.set('k', 1)
      const read = partsRead(back)
      await store.deleteMany(['k', 'gone'])
      expect(await store.sweep()).toMatchObject({ deleted: [] })
      await eventually('what is gone is removed', async () => (await countParts(back)) === 4)
      expect(read).toEqual([])
    })

    it('of a large blob takes many commits, each of a few chunks', async () => {
      const { store, back } = await start()
      await store.blob('b').write(new Uint8Array(40 * CHUNK))
      const sizes: number[] = []
      back.onCommit((commits) => {
        for (const { changes } of commits) {
          const removed = changes.filter(({ op, key }) => op === 'delete' && partOf(key) !== undefined)
          if (removed.length > 0) sizes.push(removed.length)
        }
      })
      await store.delete('b')
      await eventually('what is gone is removed', async () => (await countParts(back)) === 0)
      expect(sizes.reduce((sum, size) => sum + size)).toBe(40)
      // 4 MiB
      expect(Math.max(...sizes)).toBeLessThanOrEqual(16)
    })
  })
}

/** The keys of the parts that scans come to read from now on. */
function partsRead(back: Back): readonly string[] {
  const read: string[] = []
  const scan = back.scan.bind(back)
  back.scan = async (range, options) => {
    const page = await scan(range, options)
    for (const { key } of page.entries) if (partOf(key) !== undefined) read.push(key.id)
    return page
  }
  return read
}
