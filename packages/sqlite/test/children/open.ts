// Opens a store as soon as it is told to, and prints the id of its log, or the code of the error.
import { createSqliteBack } from '../../src/index.ts'

const [file = '', mode = 'open-or-create'] = process.argv.slice(2)
process.stdout.write('ready\n')
await new Promise((resolve) => process.stdin.once('data', resolve))
try {
  const back = createSqliteBack({ file, mode: mode as 'create' })
  process.stdout.write(`${back.log.identity.id}\n`)
  await back.close()
} catch (error) {
  process.stdout.write(`${(error as { code?: string }).code ?? String(error)}\n`)
}
process.exit()
