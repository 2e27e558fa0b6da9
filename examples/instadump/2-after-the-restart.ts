// The same program once more: what was saved is there.
import { states } from '@tidemark/state'
import { open } from 'tidemark'

await using store = await open({ file: 'instadump.db' })
const app = await states(store)

const testvar1 = app.define('testvar1', 150)
const testvar2 = app.define('testvar2', 'abc')

console.log(testvar1.value)
console.log(testvar2.value)

// Back to the last save, as often as wanted.
testvar1.value = -1
await app.reloadAll()
console.log(testvar1.value)

// What was never saved cannot be reloaded, and nothing is changed by trying.
const testvar3 = app.define('testvar3', true)
await app.reloadAll().catch((error: { code: string }) => console.log(error.code))
await app.reloadAll({ missing: 'keep' })
console.log(testvar3.value)
