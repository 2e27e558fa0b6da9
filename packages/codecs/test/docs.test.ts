import { runExample } from '@tidemark/testkit'
import { expect, test } from 'vitest'

const repository = new URL('../../../', import.meta.url)

/** Of docs/codecs.md, in their order. */
const EXAMPLES: readonly (readonly [what: string, out: readonly string[]])[] = [
  ['compression and encryption', ['Ada', 'order true', 'Ada false', 'door false', 'Grace false']],
  ['changing the key', ['2', '4 0 0', '2 1']],
  ['a store that was not encrypted yet', ['written before 2', 'written before']],
  ['classes', ['12.5 EUR']],
]

test.each(EXAMPLES)('the example of docs/codecs.md runs: %s', async (what, out) => {
  const block = EXAMPLES.findIndex(([name]) => name === what)
  const env = { STORE_KEY: Buffer.alloc(32, 7).toString('base64') }
  const options = { package: new URL('packages/codecs/', repository), block, env }
  expect(await runExample(new URL('docs/codecs.md', repository), options)).toEqual({ code: 0, err: '', out })
})

test('the example of the README runs', async () => {
  expect(await runExample(new URL('../README.md', import.meta.url))).toEqual({ code: 0, err: '', out: ['Ada'] })
})
