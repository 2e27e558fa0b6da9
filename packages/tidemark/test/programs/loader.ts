// One process of a fleet: asks for a key twenty times at once, and says what it got and how often it loaded. With `hang`,
// says that its loader runs, which then never ends.
import { open } from 'tidemark'

const [file, mode, leaseMs] = process.argv.slice(2)
await using store = await open({ file: file!, synchronous: 'normal' })
let loads = 0
async function load(): Promise<string> {
  loads++
  console.log('loading')
  await new Promise((resolve) => setTimeout(resolve, mode === 'hang' ? 2 ** 31 - 1 : 100))
  return `loaded by ${process.pid}`
}
console.log('ready')
if (mode !== 'hang') await new Promise((resolve) => process.stdin.once('data', resolve))
const options = { leaseMs: Number(leaseMs), hardTimeoutMs: Infinity }
const values = await Promise.all(Array.from({ length: 20 }, () => store.getOrSet('k', load, options)))
console.log(JSON.stringify({ loads, values: [...new Set(values)] }))
// Nothing but the input that it was started by is left to keep it.
process.stdin.destroy()
