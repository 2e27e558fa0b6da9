// Commits pairs of keys with one value to the given file, says on stdout which commits it knows of, and dies on the way: in
// the transaction (`before`), after the commit and before anybody is told (`after`), or whenever it is killed (`never`).
import { createCborCodec, Payload, StoreKey, type Write } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'

const [file = '', how = 'never', dieAt = '0'] = process.argv.slice(2)
const codec = createCborCodec()
const back = createSqliteBack({ file })

function pair(n: number): Write[] {
  return ['left', 'right'].map((side) => ({
    op: 'set',
    key: StoreKey.of([side, n % 50]),
    payload: Payload.encode(codec, n),
    expiresAt: undefined,
    meta: undefined,
    path: undefined,
  }))
}

const die = (): void => process.kill(process.pid, 'SIGKILL') as unknown as undefined
if (how === 'after') back.onCommit((commits) => commits.some(({ asOf }) => asOf >= Number(dieAt)) && die())

for (let n = 1; ; n++) {
  const { asOf } = await back.commit({
    reads: [],
    decide() {
      if (how === 'before' && n * 2 >= Number(dieAt)) die()
      return pair(n)
    },
  })
  process.stdout.write(`${asOf}\n`)
}
