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
  // Asked first: whoever hears what it is may write at once.
  const after = await store.head()
  process.send!(`a is ${String(await store.get('a'))}`)
  for await (const { changes } of store.changes({ after })) {
    process.send!(`change ${changes.at(-1)!.seq}, a is ${String(await store.get('a'))}`)
  }
} catch (error) {
  process.send!(`${(error as { code?: string }).code ?? 'no code'}: ${(error as Error).message}`)
}
process.disconnect()
