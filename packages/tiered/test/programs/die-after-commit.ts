// A writer with near memory alone that dies between its commit and all that would follow: nobody is told of it.
import { createNearMemory, Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { createTiered } from '../../src/index.ts'

const [file, key, value] = process.argv.slice(2)
const back = createSqliteBack({ file: file!, synchronous: 'normal' })
// Called inside the commit, before the listeners of the tiers.
back.onCommit(() => process.kill(process.pid, 'SIGKILL'))
await new Store(createTiered({ back, near: createNearMemory() })).set(key!, value!)
console.log('acknowledged')
