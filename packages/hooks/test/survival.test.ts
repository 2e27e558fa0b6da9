import { expect, it } from 'vitest'
import { runProgram } from './support/program.ts'

it('a process survives subscribers and hooks that throw, and prints why', async () => {
  const { code, out, err } = await runProgram('throwing-subscriber')
  expect({ code, out: out.trim() }).toEqual({ code: 0, out: '[1,2,3]' })
  expect(err).toContain('hookErrors$ failed: Error: boom')
})
