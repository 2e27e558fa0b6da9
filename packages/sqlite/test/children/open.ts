// Opens a store as soon as it is told to, and prints the id of its log, or the code of the error. Permissions do not bind
// root: with `unprivileged`, it is nobody by then.
import { createSqliteBack } from '../../src/index.ts'

const [file = '', mode = 'open-or-create', as] = process.argv.slice(2)
if (as === 'unprivileged' && process.getuid?.() === 0) {
  // Loads the driver while its files can be read, wherever they are.
  await createSqliteBack({ file: ':memory:' }).close()
  process.setgroups!([])
  process.setgid!(65_534)
  process.setuid!(65_534)
}
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
