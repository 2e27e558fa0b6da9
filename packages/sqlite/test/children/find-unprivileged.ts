// Looks for a store, then deletes it, and prints what comes of each. Permissions do not bind root: it is nobody by then.
import { createSqliteBack, deleteStoredFile, findStoredFile } from '../../src/index.ts'

const [file = ''] = process.argv.slice(2)
if (process.getuid?.() === 0) {
  // Loads the driver while its files can be read, wherever they are.
  await createSqliteBack({ file: ':memory:' }).close()
  process.setgroups!([])
  process.setgid!(65_534)
  process.setuid!(65_534)
}
for (const attempt of [async () => findStoredFile(file) !== undefined, () => deleteStoredFile(file)]) {
  try {
    process.stdout.write(`${await attempt()}\n`)
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    process.stdout.write(`${code} ${message}\n`)
  }
}
