import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** Another process that holds the write lock of the file until it is told to let go; it ends with the test at the latest. */
export async function spawnLocker(file: string): Promise<{ releaseIn(ms: number): void }> {
  const path = fileURLToPath(new URL('../programs/locker.ts', import.meta.url))
  const child = spawn(process.execPath, [path, file], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return { releaseIn: (ms) => void child.stdin.write(String(ms)) }
}
