import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../src/model/main.ts', import.meta.url))

const run = (
  ...args: readonly string[]
): { readonly status: number | null; readonly out: string; readonly err: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

describe('npm run model', () => {
  test('prints a table of scenarios and one of mutants, with the shortest trace', () => {
    const { status, out } = run('--scenario', 'fence', '--mutant', 'fill-overwrites', '--trace')
    expect(status).toBe(0)
    expect(out).toMatch(/^fence +803 .*yes/m)
    expect(out).toMatch(/^fill-overwrites +fence +fence unsound +4 +stale after ack +5/m)
    expect(out).toMatch(/1\. .*\n +2\. .*\n +3\. .*\n +4\. .*\n +5\. /)
    expect(out).toContain('0 of 1 scenarios violated; 1 of 1 mutants caught')
  })

  test('prints nothing but JSON when that is asked for', () => {
    const { out } = run('--json', '--scenario', 'fence')
    expect(JSON.parse(out)).toMatchObject({
      scenarios: [{ name: 'fence', states: 803, safe: true, finding: null }],
      mutants: [],
      summary: { violated: 0, survived: 0 },
    })
  })

  test.for([
    [['--scenario', 'nonsense'], "there is no scenario 'nonsense'"],
    [['--mutant', 'nonsense'], "there is no mutant 'nonsense'"],
    [['--nonsense'], '--nonsense'],
  ] as const)('refuses %j', ([args, message]) => {
    const { status, err } = run(...args)
    expect(status).toBe(2)
    expect(err).toContain(message)
  })
})
