// Writes pairs behind, and says which of them are acknowledged; is killed right before or after one of its commits.
import { writeSync } from 'node:fs'
import { type Back, Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { createTiered } from '../../src/index.ts'

const [file, step, phase] = process.argv.slice(2)
const sqlite = createSqliteBack({ file: file!, synchronous: 'normal' })
let commits = 0

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

// Also of what it does to leases, which are steps of their own.
const commit: Back['commit'] = async (proposal) => {
  const isLast = ++commits === Number(step)
  if (isLast && phase === 'before') die()
  // Inside of it: durable, and nobody is told.
  if (isLast && phase === 'within') sqlite.onCommit(die)
  const done = await sqlite.commit(proposal)
  if (isLast && phase === 'after') die()
  return done
}
const back = new Proxy<Back>(sqlite, {
  get(target, name) {
    if (name === 'commit') return commit
    const value: unknown = Reflect.get(target, name, target)
    return typeof value === 'function' ? (value.bind(target) as unknown) : value
  },
})
const tiers = createTiered({ back, writePolicy: 'write-behind', writeBehind: { maxAgeMs: 600_000, leaseMs: 10_000 } })
const store = new Store(tiers)
for (let i = 1; i <= 4; i++) {
  await store.setMany([
    [['pair', 'a'], i],
    [['pair', 'b'], i],
    [['each', i], i],
  ])
  writeSync(1, `${i}\n`)
  await tiers.checkpoint('', i)
  if (i % 2 === 0) await tiers.flush()
}
await store.close()
writeSync(1, `ended after ${commits}\n`)
