// Takes part in a consumer over the given file, until it is asked to stop on stdin. Each change adds one to the total
// of its key in the same file, where it has a transaction, and a line to a file beside. Fails in the given way at one
// change.
import { appendFileSync } from 'node:fs'
import { type Change, consume, type ConsumerOptions, type TransactionContext } from '@tidemark/hooks'
import { createSqliteBack } from '@tidemark/sqlite'

interface Plan {
  readonly file: string
  readonly effects: string
  readonly options: ConsumerOptions & { readonly batch: number; readonly transaction?: true }
  readonly fault?: {
    readonly seq: number
    readonly how: 'die-before' | 'die-after' | 'die-committed' | 'stop-before' | 'stop-after'
  }
}

const { file, effects, options, fault } = JSON.parse(process.argv[2]!) as Plan
const back = createSqliteBack({ file, synchronous: 'normal' })

let hasFailed = false

function failAt({ seq }: Change, when: 'before' | 'after'): void {
  if (hasFailed || seq !== fault?.seq || !fault.how.endsWith(when)) return
  hasFailed = true
  process.kill(process.pid, fault.how.startsWith('die') ? 'SIGKILL' : 'SIGSTOP')
}

async function handle(changes: readonly Change[], { tx, fence }: Partial<TransactionContext>): Promise<void> {
  for (const change of changes) {
    failAt(change, 'before')
    if (tx !== undefined) {
      const total = ['total', ...change.key]
      tx.set(total, ((await tx.get<number>(total)) ?? 0) + 1)
    }
    appendFileSync(effects, `${JSON.stringify({ seq: change.seq, key: change.key, fence, pid: process.pid })}\n`)
    failAt(change, 'after')
    if (change.seq === fault?.seq && fault.how === 'die-committed')
      back.onCommit(
        (commits) => commits.some((commit) => commit.changes.length > 0) && process.kill(process.pid, 'SIGKILL'),
      )
  }
}

const consumer = await consume(back, 'totals', { ...options, transaction: options.transaction as true }, handle)
consumer.events$.subscribe(({ kind }) => console.log(kind))
// Nothing but the consumer, and what it is told, keeps it alive.
process.stdin.once('data', () => {
  process.stdin.destroy()
  void consumer.close().then(() => back.close())
})
