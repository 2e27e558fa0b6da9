import { runExample, startRedis } from '@tidemark/testkit'
import { expect, test } from 'vitest'

const repository = new URL('../../../', import.meta.url)
const tidemark = new URL('packages/tidemark/', repository)
/** Of docs/streams.md, in their order. */
const EXAMPLES = [
  'writes of this process',
  'tokens',
  'snapshot and follow',
  'consumers',
  'sinks',
  'the past',
  'stores that follow stores',
  'hosts without the file',
]

test('the example of the README runs and prints what it seems to', async () => {
  const run = await runExample(new URL('README.md', tidemark))
  expect(run).toEqual({
    code: 0,
    err: '',
    out: [
      'wrote 1 set user/42',
      'wrote 2 set user/42',
      'ConflictError',
      "{ name: 'Ada', visits: 1 } { name: 'Ada', visits: 1 }",
      '2 changes; resume after the token',
    ],
  })
})

test.each(['with', 'without'])('the example of the root README runs, %s Redis', async (redis) => {
  await using server = redis === 'with' ? await startRedis() : undefined
  const run = await runExample(new URL('README.md', repository), {
    package: tidemark,
    env: { REDIS_URL: server?.url },
  })
  expect(run.code).toBe(0)
  // A machine that takes its time to connect is told of, and nothing else is.
  expect(run.err.trimEnd()).toMatch(/^(tidemark: redis (is bypassed: .*|serves again)\n?)*$/)
  expect(run.out.slice(0, 3)).toEqual(["{ name: 'Ada', visits: 1 }", "1 set [ 'user', 42 ]", "2 set [ 'user', 42 ]"])
  expect(run.out[3]).toMatch(/^resume from \S+$/)
})

test('the example of docs/loading.md runs: a hundred callers, one query', async () => {
  const run = await runExample(new URL('docs/loading.md', repository), { package: tidemark })
  expect(run).toEqual({
    code: 0,
    err: '',
    out: ["{ id: 42, name: 'Ada' } undefined undefined 2", "false { id: 42, name: 'Ada' } 3"],
  })
})

test.each([
  [
    'writes of this process',
    [
      "wrote set [ 'limit' ]",
      "[ 'limit' ] from undefined to 10",
      "wrote set [ 'limit' ]",
      "[ 'limit' ] from 10 to 20",
      "wrote delete [ 'limit' ]",
      "[ 'limit' ] from 20 to undefined",
    ],
  ],
  [
    'tokens',
    ["1 set [ 'order', 1 ] { total: 20 }", "2 set [ 'order', 2 ] { total: 5 }", 'from { total: 5 } to { total: 7 }'],
  ],
  ['snapshot and follow', ["[ [ 'Oslo', 709000 ] ]"]],
  ['consumers', ['20 2', '13 2 Error: no luck', '1']],
  ['sinks', ["1 set [ 'user', 1 ] { name: 'Ada' }", "2 set [ 'user', 2 ] { name: 'Grace' }"]],
  ['the past', ['10 12', '2 12', '1 10', '10']],
  ['stores that follow stores', ['3 false following']],
  [
    'hosts without the file',
    ["[ [ [ 'user', 42 ], { name: 'Ada' } ] ]", "{ name: 'Ada' }", 'this store was opened over Redis alone,'],
  ],
])('the example of docs/streams.md runs: %s', async (_what, out) => {
  await using server = await startRedis()
  const block = EXAMPLES.indexOf(_what)
  const run = await runExample(new URL('docs/streams.md', repository), {
    package: tidemark,
    block,
    env: { REDIS_URL: server.url },
  })
  expect(run).toMatchObject({ code: 0, out })
  expect(run.err.trimEnd()).toMatch(/^(tidemark: redis (is bypassed: .*|serves again)\n?)*$/)
})

test.each([
  [
    'append logs',
    [
      '/',
      '/prices',
      '/docs',
      '/docs/streams',
      '4 13',
      "{ page: '/docs' } true",
      "{ page: '/docs/streams' } true",
      'log WRONG_TYPE',
    ],
  ],
  ['appends in a transaction', ["7 3 [ { name: 'ada', amount: -3 }, { name: 'bob', amount: 3 } ]"]],
  ['blobs', ["11 11 { type: 'video/mp4' }", 'a long film', 'a long |  film', 'undefined']],
  [
    'what subscribers see',
    [
      "append [ 'orders', 'new' ] { id: 1, total: 20 }",
      "blob [ 'invoices', 1 ] 1000000",
      "append [ 'orders', 'new' ] { id: 2, total: 5 }",
      "delete [ 'invoices', 1 ] undefined",
    ],
  ],
  ['sweeping', ["[ [ 'report', 'a' ], [ 'report', 'c' ] ]", "[ [ 'report', 'b' ], [ 'report', 'log' ] ]"]],
])('the example of docs/collections.md runs: %s', async (what, out) => {
  const block = ['append logs', 'appends in a transaction', 'blobs', 'what subscribers see', 'sweeping'].indexOf(what)
  const run = await runExample(new URL('docs/collections.md', repository), { package: tidemark, block })
  expect(run).toEqual({ code: 0, err: '', out })
})

test.each([
  [
    'strategies',
    [
      'undefined',
      '500 of 1200 { near: 500 }',
      '1000 of 1200 { near: 1000 }',
      '1200 of 1200 { near: 1200 }',
      "{ name: 'place 7' }",
    ],
  ],
  [
    'a function',
    ["[ 'a' ] 1 { near: 1 }", "[ 'b' ] 2 { near: undefined }", "[ 'c' ] 3 { near: undefined }", '{ near: 1 }'],
  ],
  ['a walk', ['1 of 3', '3 of 4', '3 of 3', '[] undefined']],
])('the example of docs/warm.md runs: %s', async (what, out) => {
  const block = ['strategies', 'a function', 'a walk'].indexOf(what)
  const run = await runExample(new URL('docs/warm.md', repository), { package: tidemark, block })
  expect(run).toEqual({ code: 0, err: '', out })
})

test('the example of docs/warm.md runs: before the store is handed out', async () => {
  await using server = await startRedis()
  const env = { REDIS_URL: server.url }
  const run = await runExample(new URL('docs/warm.md', repository), { package: tidemark, block: 3, env })
  expect(run.code).toBe(0)
  // A machine that takes its time may give up on Redis, and tells so.
  expect(run.err.trimEnd()).toMatch(/^(tidemark: redis (is bypassed: .*|serves again)\n?)*$/)
  expect(run.out[0]).toMatch(run.err === '' ? /^2 of 2 \{ near: 2, redis: 2 \} \{ near: 0, redis: 0 \}$/ : /^2 of 2 /)
  expect(run.out[1]).toBe('Grace')
})

test.each([
  ['core', ['2', /it is at 2/, "[ 'user', 43 ]", "[ 'user', 44 ]"]],
  ['tiered', ['hello', 'hello', /reads: 2/]],
] as const)('the example of packages/%s runs', async (name, lines) => {
  const run = await runExample(new URL(`packages/${name}/README.md`, repository))
  expect(run).toMatchObject({ code: 0, err: '' })
  for (const [i, line] of lines.entries()) {
    if (typeof line === 'string') expect(run.out[i]).toBe(line)
    else expect(run.out[i]).toMatch(line)
  }
})
