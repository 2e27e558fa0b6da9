// With a journal, nothing that was acknowledged is lost, and what the application knows about itself is kept with it.
import { spawnSync } from 'node:child_process'
import { buffered, open } from 'tidemark'
import { FileConnector } from './connectors/file.ts'

const isVictim = process.argv[2] === 'victim'
if (!isVictim) {
  const { signal } = spawnSync(process.execPath, [import.meta.filename, 'victim'])
  console.log('ended by', signal)
}

await using store = await open({ file: 'journal.db' })
await using orders = await buffered(new FileConnector('orders.json'), { journal: store, maxAgeMs: 60_000 })

if (isVictim) {
  for (let i = 1; i <= 10; i++) {
    await orders.set(['order', i % 3], { total: i })
    await orders.checkpoint({ handled: i })
  }
  process.kill(process.pid, 'SIGKILL')
}
console.log(await orders.get(['order', 1]), await orders.lastCheckpoint())
