import { runExample } from '@tidemark/testkit'
import { expect, it } from 'vitest'

it('the example of the README runs and prints what it seems to', async () => {
  expect(await runExample(new URL('../README.md', import.meta.url))).toEqual({
    code: 0,
    err: '',
    out: [
      "1 set [ 'user', 42 ] { name: 'Ada', born: { '$date': '1815-12-10T00:00:00.000Z' } }",
      "2 delete [ 'user', 42 ] undefined",
    ],
  })
})
