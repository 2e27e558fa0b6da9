// Recovers what others have left behind, of which the store refuses one write; is killed right before, within or after one of its
// commits. With the step `leave`, writes that behind, and is killed before anything of it is flushed.
import { type Back, Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { createTiered } from '../../src/index.ts'
import { refusing } from '../support/refusing.ts'

const [file, step, phase] = process.argv.slice(2)
const sqlite = createSqliteBack({ file: file!, synchronous: 'normal' })
let commits = 0

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

const refused = refusing(sqlite, 'bad')
const commit: Back['commit'] = async (proposal) => {
  const isLast = commits + 1 === Number(step)
  if (isLast && phase === 'before') die()
  if (isLast && phase === 'within') sqlite.onCommit(die)
  const done = await refused(proposal)
  commits++
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
const presence = { describe: () => ({}), isGone: () => true }
const tiers = createTiered({
  back,
  writePolicy: 'write-behind',
  writeBehind: { maxAgeMs: 600_000, leaseMs: 100, presence },
  onError: () => {},
})
if (step === 'leave') {
  const store = new Store(tiers)
  for (let i = 1; i <= 4; i++) {
    await store.set(['k', i], i)
    if (i === 2) await store.set('bad', 1)
  }
  await tiers.checkpoint('', 4)
  die()
}
await tiers.recoverWrites()
await tiers.close()
console.log(commits)
