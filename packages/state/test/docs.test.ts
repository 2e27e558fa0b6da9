import { runExample } from '@tidemark/testkit'
import { expect, test } from 'vitest'

const repository = new URL('../../../', import.meta.url)
const here = new URL('packages/state/', repository)

test('the example of the README runs and prints what it seems to', async () => {
  expect(await runExample(new URL('README.md', here))).toEqual({
    code: 0,
    err: '',
    out: ['not enough', '1 { ada: 70, bob: 30 }'],
  })
})

test.each(
  [
    ['states', ["1 [ 'Ada' ] 2"]],
    ['autosave', ['states/state/visits/1', 'states/saves']],
    [
      'a prevalent system',
      [
        '30',
        'bob has no account',
        '{ balance: 0 } { balance: 30 } 2',
        '{"number":1,"name":"open","args":["ada"] …',
        '{"number":2,"name":"pay","args":["ada",30] …',
      ],
    ],
    ['a journal on its own', ["2 Map(2) { 'tea' => -2, 'bread' => -1 }"]],
  ].map(([name, out], block) => ({ name, out, block })),
)('the example of docs/state.md runs: $name', async ({ out, block }) => {
  const run = await runExample(new URL('docs/state.md', repository), { package: here, block })
  expect(run).toEqual({ code: 0, err: '', out })
})
