// Appends so many elements to one log, one after the other, each named by its writer.
import { Store } from '@tidemark/core'
import { createSqliteBack } from '../../src/index.ts'

const [file = '', name = '', count = '25'] = process.argv.slice(2)
const store = new Store(createSqliteBack({ file, busyTimeoutMs: 25_000 }))
process.stdout.write('ready\n')
await new Promise((resolve) => process.stdin.once('data', resolve))
for (let i = 0; i < Number(count); i++) await store.log('shared').append(`${name}:${i}`)
await store.close()
process.exit()
