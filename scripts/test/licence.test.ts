import { readFile, readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'

const repository = new URL('../../', import.meta.url)
const read = (path: string): Promise<string> => readFile(new URL(path, repository), 'utf8')

test('every package that is published carries the licence', async () => {
  const licence = await read('LICENSE')
  for (const name of await readdir(new URL('packages', repository))) {
    const manifest = JSON.parse(await read(`packages/${name}/package.json`)) as { private?: boolean; license: string }
    if (manifest.private === true) continue
    expect(manifest.license).toBe('MIT')
    // npm packs a file of this name, whatever `files` lists.
    expect(await read(`packages/${name}/LICENSE`)).toBe(licence)
  }
})
