import { ALL_KEYS, type Back, type StoreKey, type Write } from '@tidemark/core'
import { expect, test } from 'vitest'
import { openTemp } from './support/temp.ts'
import { blind, payload, set, setOf } from './support/writes.ts'

/** How many entries each page has, and what they take. */
async function pagesOf(back: Back, reverse: boolean): Promise<{ readonly count: number; readonly bytes: number }[]> {
  const pages: { readonly count: number; readonly bytes: number }[] = []
  let after: StoreKey | undefined
  for (let isLast = false; !isLast;) {
    const page = await back.scan(ALL_KEYS, { after, limit: 500, reverse })
    const sizes = page.entries.map(({ payload: { byteLength }, meta }) => byteLength + (meta?.byteLength ?? 0))
    pages.push({ count: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) })
    after = page.entries.at(-1)?.key
    isLast = page.isLast
  }
  return pages
}

test.each([false, true])(
  'a page of large entries ends early, and what follows it comes next (reverse: %s)',
  async (reverse) => {
    const back = openTemp()
    const large = new Uint8Array(1_000_000)
    for (let i = 0; i < 20; i++) await set(back, i, large)
    await set(back, 'larger', new Uint8Array(5_000_000))
    await back.commit(blind(...Array.from({ length: 300 }, (_, i) => setOf(['small', i], i))))
    const pages = await pagesOf(back, reverse)
    expect(pages.reduce((sum, { count }) => sum + count, 0)).toBe(321)
    expect(pages.filter(({ count, bytes }) => count > 1 && bytes > 4 * 1024 * 1024)).toEqual([])
    // What is larger than that has a page of its own.
    expect(pages.filter(({ bytes }) => bytes > 5_000_000).map(({ count }) => count)).toEqual([1])
  },
)

test('a page of the keys of large entries ends early, too: who deletes them holds the file for no longer', async () => {
  const back = openTemp()
  for (let i = 0; i < 20; i++) await set(back, i, new Uint8Array(1_000_000))
  const first = await back.scanKeys(ALL_KEYS, { after: undefined, limit: 500, reverse: false })
  expect(first.keys.length).toBeLessThanOrEqual(4)
  expect(first.isLast).toBe(false)
})

test('meta counts, too', async () => {
  const back = openTemp()
  const meta = 'x'.repeat(1_000_000)
  for (let i = 0; i < 10; i++) await back.commit(blind({ ...setOf(i, i), meta: payload(meta) } as Write))
  expect((await pagesOf(back, false)).length).toBeGreaterThan(2)
})
