import { expect, it } from 'vitest'
import { runProgram } from './support/program.ts'

it('a process survives subscribers and hooks that throw, and prints why', async () => {
  const { code, out, err } = await runProgram('throwing-subscriber')
  expect({ code, out: out.trim() }).toEqual({ code: 0, out: '[1,2,3]' })
  expect(err).toContain('hookErrors$ failed: Error: boom')
})

it.each([
  { how: 'break', says: '1' },
  { how: 'abort', says: '1' },
  { how: 'unsubscribe', says: '1' },
  { how: 'close', says: '1\nCLOSED' },
])('a process that only waits for changes lives until that is ended ($how)', async ({ how, says }) => {
  const { code, out, err } = await runProgram('only-consumes', how)
  expect({ code, out: out.trim(), err }).toEqual({ code: 0, out: says, err: '' })
})

it.each(['hooks', 'a consumer'])(
  'a process that only closes %s with somebody stuck stays until the grace is over',
  async (what) => {
    const { code, out, err } = await runProgram('only-closes', what)
    expect({ code, out, err }).toEqual({ code: 0, out: 'closed\n', err: '' })
  },
)

it('a process whose only work is to wait for a round of compaction stays until it is over, and then ends', async () => {
  const { code, out, err } = await runProgram('only-compacts')
  expect({ code, out, err }).toEqual({ code: 0, out: '490\n', err: '' })
})
