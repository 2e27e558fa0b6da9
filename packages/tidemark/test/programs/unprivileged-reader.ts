// Reads a store that it may not write, and follows it. Permissions do not bind root: it is nobody by then.
import { createSqliteBack } from '@tidemark/sqlite'
import { open } from 'tidemark'

const [file = ''] = process.argv.slice(2)
if (process.getuid?.() === 0) {
  // Loads the driver while its files can be read, wherever they are.
  await createSqliteBack({ file: ':memory:' }).close()
  process.setgroups!([])
  process.setgid!(65_534)
  process.setuid!(65_534)
}
try {
  await using store = await open({ file, readOnly: true })
  for await (const { changes } of store.changes({ from: 'start' })) {
    process.send!(`change ${changes.at(-1)!.seq}, a is ${String(await store.get('a'))}`)
  }
} catch (error) {
  process.send!(`${(error as { code?: string }).code ?? 'no code'}: ${(error as Error).message}`)
}
process.disconnect()
