import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export interface ExampleOptions {
  /** The package whose dependencies the example may import: the URL of its folder. @default the folder of the README */
  readonly package?: URL
  /** Which block of TypeScript. @default the first one, 0 */
  readonly block?: number
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface ExampleRun {
  readonly code: number | null
  /** The lines that it printed. */
  readonly out: readonly string[]
  readonly err: string
}

/**
 * Runs one TypeScript block of a README as it stands: as a program of its own, in an empty folder that goes when
 * it ends, against the built packages.
 */
export async function runExample(readme: URL, options: ExampleOptions = {}): Promise<ExampleRun> {
  const blocks = Array.from((await readFile(readme, 'utf8')).matchAll(/```ts\n([^]*?)```/g), ([, code]) => code!)
  const block = blocks[options.block ?? 0]
  if (block === undefined) throw new Error(`${readme.href} has no such block of TypeScript`)
  // Inside of the package, where the names that it imports resolve; `dist` is nobody's source.
  const dist = fileURLToPath(new URL('dist/', options.package ?? new URL('.', readme)))
  const folder = await mkdtemp(join(dist, 'example-'))
  try {
    const program = join(folder, 'example.ts')
    await writeFile(program, block)
    const env = { ...process.env, ...options.env }
    const child = spawn(process.execPath, [program], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const [[code], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
    return { code: code as number | null, out: out.trimEnd().split('\n'), err }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
