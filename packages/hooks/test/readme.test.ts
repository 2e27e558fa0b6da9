import { runExample } from '@tidemark/testkit'
import { expect, it } from 'vitest'

it('the example of the README runs and prints what it seems to', async () => {
  expect(await runExample(new URL('../README.md', import.meta.url))).toEqual({
    code: 0,
    err: '',
    out: [
      'wrote 1 set user/42',
      'hello, Ada',
      'wrote 2 delete user/42',
      "log [ [ 'set', undefined ], [ 'delete', 'Ada' ] ]",
      'wrote 3 set user/42',
      'hello, Ada',
      'history 3 set',
      'history 2 delete',
      'history 1 set',
      "Map(1) { 42 => 'Ada' }",
    ],
  })
})
