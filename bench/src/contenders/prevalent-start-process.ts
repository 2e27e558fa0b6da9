// One start of the system in a folder: says what it found, and how long that took.
import { startOnce } from './prevalent-systems.ts'

const [folder = '', accounts = '0'] = process.argv.slice(2)
process.stdout.write(JSON.stringify(await startOnce(folder, Number(accounts))))
