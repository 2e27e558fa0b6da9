import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'

export interface TempFolder {
  readonly path: string
  file(name: string): string
  /** Names, sorted. */
  names(): Promise<string[]>
  /** Every line of a file, parsed. */
  lines(name: string): Promise<readonly WrittenLine[]>
  /** Of all files, in the order of their names, the one without a number last. */
  allLines(active: string): Promise<readonly WrittenLine[]>
}

interface WrittenLine {
  readonly id: string
  readonly seq: number
  readonly key: readonly [string]
  readonly value: unknown
}

/** A folder that goes with the test. */
export async function tempFolder(): Promise<TempFolder> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-sinks-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  const folder: TempFolder = {
    path,
    file: (name) => join(path, name),
    names: async () => (await readdir(path)).toSorted(),
    async lines(name) {
      const bytes = await readFile(join(path, name))
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
      if (text !== '' && !text.endsWith('\n')) throw new Error(`${name} ends inside of a line`)
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as WrittenLine)
    },
    async allLines(active) {
      const rotated = (await folder.names()).filter((name) => name !== active)
      return (await Promise.all([...rotated, active].map((name) => folder.lines(name)))).flat()
    },
  }
  return folder
}
