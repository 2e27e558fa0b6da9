// Writes to a buffered file, with a journal, and moves to another file; is killed at one step of that.
import { writeSync } from 'node:fs'
import { buffered, type Connector, open } from 'tidemark'
import { FileConnector } from '../support/file-connector.ts'

const [folder, step] = process.argv.slice(2)
let steps = 0

function next(): void {
  if (++steps === Number(step)) process.kill(process.pid, 'SIGKILL')
}

/** Every write has a step before it, and one after it. */
function stepped(connector: FileConnector): Connector {
  const { id, checkpoints } = connector
  return {
    id,
    checkpoints,
    connect: () => connector.connect(),
    disconnect: () => connector.disconnect(),
    read: (queries) => connector.read(queries),
    async write(writes, context) {
      next()
      await connector.write(writes, context)
      next()
    },
  }
}

const store = await open({ file: `${folder}/journal.db`, synchronous: 'normal' })
const a = stepped(new FileConnector(`${folder}/a.json`))
const b = stepped(new FileConnector(`${folder}/b.json`))
const buffer = await buffered(a, { journal: store, name: 'numbers', maxAgeMs: 600_000 })
for (let i = 1; i <= 3; i++) {
  await buffer.setMany([
    ['x', i],
    [['each', i], i],
  ])
  await buffer.checkpoint(i)
  writeSync(1, `${i}\n`)
  await buffer.flush()
}
await buffer.migrate({ from: a.id, to: b, all: ['x', ...[1, 2, 3].map((i) => ['each', i])] })
await buffer.set('x', 4)
writeSync(1, '4\n')
await buffer.close()
await store.close()
writeSync(1, `ended after ${steps}\n`)
