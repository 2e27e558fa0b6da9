import { runExample } from '@tidemark/testkit'
import { expect, test } from 'vitest'

test('the example of the README runs and prints what it seems to', async () => {
  expect(await runExample(new URL('../README.md', import.meta.url))).toEqual({
    code: 0,
    err: '',
    out: [
      '1 commits are durable',
      '1 commits are durable',
      "1 set [ 'user', 42 ] { name: 'Ada', visits: 0 }",
      "2 set [ 'user', 42 ] { name: 'Ada', visits: 1 }",
    ],
  })
})
