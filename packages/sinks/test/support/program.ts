import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const fileOf = (name: string): string => fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))

/** Runs a program of `test/programs` on the built packages. Killed as soon as it has printed so many lines. */
export async function runUntil(name: string, args: readonly string[], lines: number): Promise<ProgramEnd> {
  const child = spawn(process.execPath, [fileOf(name), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = endOf(child)
  let printed = 0
  for await (const _line of createInterface({ input: child.stdout })) if (++printed >= lines) child.kill('SIGKILL')
  return ended
}

/** Runs a program that cannot write a file of more than `blocks` of 512 bytes. */
export async function runWithFullDisk(name: string, args: readonly string[], blocks: number): Promise<ProgramOutput> {
  // `sh` counts in blocks of 512 bytes, and where it is bash, in posix mode.
  const command = `ulimit -f ${blocks}; exec "$@"`
  const child = spawn('sh', ['-c', command, 'sh', process.execPath, fileOf(name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [end, out] = await Promise.all([endOf(child), text(child.stdout)])
  return { ...end, out }
}

async function endOf(child: ChildProcess): Promise<ProgramEnd> {
  const [[code, signal], err] = await Promise.all([once(child, 'close'), text(child.stderr!)])
  return { code: code as number | null, signal: signal as string | null, err }
}

interface ProgramEnd {
  readonly code: number | null
  readonly signal: string | null
  readonly err: string
}

interface ProgramOutput extends ProgramEnd {
  readonly out: string
}
