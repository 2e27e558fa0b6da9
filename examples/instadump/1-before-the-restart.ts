// Instadump's example: https://matthias.benkard.de/software/instadump
import { states } from '@tidemark/state'
import { open } from 'tidemark'

await using store = await open({ file: 'instadump.db' })
const app = await states(store)

const testvar1 = app.define('testvar1', 150)
const testvar2 = app.define('testvar2', 'abc')

console.log(testvar1.value)
console.log(testvar2.value)

testvar1.value = 1000
await app.saveAll()

// Not saved, so it does not survive.
testvar2.value = 'xyz'
