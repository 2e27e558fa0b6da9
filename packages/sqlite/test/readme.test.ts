import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { start } from './support/children.ts'
import { tempFile } from './support/temp.ts'

test('the example of the README runs as it stands', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)![1]!
  // Beside the sources, so that the package names resolve.
  const folder = mkdtempSync(join(fileURLToPath(new URL('..', import.meta.url)), 'dist/readme-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const script = join(folder, 'example.ts')
  const source = new URL('../src/index.ts', import.meta.url).href
  const body = example.replace("'@tidemark/sqlite'", JSON.stringify(source))
  writeFileSync(script, `const file = ${JSON.stringify(tempFile())}\n${body}`)
  const child = start(process.execPath, [script])
  expect(await child.result()).toContain("2 set [ 'user', 42 ] { name: 'Ada', visits: 1 }")
  expect(child.lines.filter((line) => line === '1 commits are durable')).toHaveLength(2)
})
