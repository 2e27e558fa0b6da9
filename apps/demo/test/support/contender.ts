// Asks for a data folder when told to, says how that went, and exits without releasing it when its input ends.
import { once } from 'node:events'
import { lockDataDir } from '../../src/fleet/data-lock.ts'

process.stdout.write('ready\n')
await once(process.stdin, 'data')
const answer = await lockDataDir(process.argv[2]!).then(
  () => 'won',
  (error: Error) => error.message,
)
process.stdout.write(`${answer}\n`)
await once(process.stdin, 'end')
