// Saves two states that belong together for ever, and says each save that was acknowledged; killed whenever it is.
import { Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { states } from '@tidemark/state'

const [file = ''] = process.argv.slice(2)
const app = await states(new Store(createSqliteBack({ file, synchronous: 'normal' })), { keepSaves: 3 })
const count = app.define('count', 0)
const twice = app.define('twice', { n: 0, filler: 'x'.repeat(100_000) })
process.stdout.write('ready\n')
for (;;) {
  count.value += 1
  twice.value.n = 2 * count.value
  const saving = app.saveAll()
  // What it does meanwhile is not in it.
  twice.value.n = -1
  await saving
  process.stdout.write(`${count.value}\n`)
}
