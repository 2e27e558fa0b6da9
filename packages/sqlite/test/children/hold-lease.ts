// Takes the lease of a key for a minute, prints its token, and holds it until it is killed; then nobody gives it back.
import { StoreKey } from '@tidemark/core'
import { createSqliteBack } from '../../src/index.ts'

const [file = '', key = ''] = process.argv.slice(2)
const back = createSqliteBack({ file })
const { lease } = await back.leases.acquire(StoreKey.of(key), 60_000)
process.stdout.write(`${lease?.token}\nholding\n`)
setInterval(() => {}, 1000)
