// Syncs one file into another one until it is told enough, or dies: at its nth commit of the target, in the transaction
// (`before`) or right after it (`after`), or whenever it is killed (`never`).
import { createSqliteBack } from '@tidemark/sqlite'
import { sync } from '@tidemark/hooks'

const [source = '', target = '', how = 'never', dieAt = '0'] = process.argv.slice(2)
const from = createSqliteBack({ file: source })
const to = createSqliteBack({ file: target })
const die = (): void => process.kill(process.pid, 'SIGKILL') as unknown as undefined
let commits = 0
to.onCommit(() => void (++commits === Number(dieAt) && how === 'after' && die()))

const dying = {
  log: to.log,
  scan: to.scan.bind(to),
  read: to.read.bind(to),
  leases: to.leases,
  marks: to.marks,
  codec: to.codec,
  commit: (proposal: Parameters<typeof to.commit>[0]) =>
    to.commit({
      ...proposal,
      decide(current) {
        const writes = proposal.decide(current)
        if (how === 'before' && commits + 1 === Number(dieAt)) die()
        return writes
      },
    }),
}
const running = sync(from, dying, { name: 's', batch: 10, leaseMs: 200 })
running.state$.subscribe(({ position, phase }) => process.stdout.write(`${phase} ${position}\n`))
