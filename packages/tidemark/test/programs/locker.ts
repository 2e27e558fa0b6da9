// Holds the write lock of a file, says so, and gives it back so many milliseconds after it was told to.
import { DatabaseSync } from 'node:sqlite'

const db = new DatabaseSync(process.argv[2]!)
db.exec('BEGIN IMMEDIATE')
process.stdout.write('locked\n')
const [ms] = await new Promise<[Buffer]>((resolve) => process.stdin.once('data', (...data: [Buffer]) => resolve(data)))
setTimeout(
  () => {
    db.exec('ROLLBACK')
    db.close()
    process.exit()
  },
  Number(String(ms)),
)
