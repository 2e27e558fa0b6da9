import { runExample } from '@tidemark/testkit'
import { expect, test } from 'vitest'

const repository = new URL('../../../../', import.meta.url)
const PAGE = new URL('docs/write-behind.md', repository)
const TIDEMARK = new URL('packages/tidemark/', repository)

test.each([
  [
    'a store that writes behind',
    0,
    ['0', '100 0', '1 1 { handled: 100 }', '{ lookups: 102, reads: 1, writes: 100, flushes: 1 }'],
  ],
  ['a buffer before a connector', 1, ['30 undefined', '30 { lookups: 5, reads: 1, writes: 4, flushes: 1 }']],
])('the example of docs/write-behind.md runs: %s', async (_what, block, out) => {
  expect(await runExample(PAGE, { package: TIDEMARK, block })).toEqual({ code: 0, err: '', out })
})
