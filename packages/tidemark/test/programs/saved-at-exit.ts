// Has two tasks for its end, and says when each is done; stays until a signal, or with `ends` until it has nothing to do.
import { processExit } from '../../src/index.ts'

const task = (name: string, ms: number) => async () => {
  await new Promise((resolve) => setTimeout(resolve, ms))
  process.stdout.write(`${name}\n`)
  if (name === 'fails') throw new Error('is not told')
}
processExit.onExit(task('saved', 20))
processExit.onExit(task('fails', 1))
processExit.onExit(task('taken back', 1))()
process.stdout.write('ready\n')
if (process.argv[2] !== 'ends') setInterval(() => {}, 1_000)
