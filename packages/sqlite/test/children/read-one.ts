// Opens the file and prints what it holds for the key, or what opening fails with.
import { StoreKey, type TidemarkError } from '@tidemark/core'
import { createSqliteBack } from '../../src/index.ts'

const [file = '', key = ''] = process.argv.slice(2)
try {
  const back = createSqliteBack({ file })
  process.stdout.write(JSON.stringify(back.readOne(StoreKey.of(key)).entry?.payload.decode()))
  await back.close()
} catch (error) {
  const { code, retryable, message } = error as TidemarkError
  process.stdout.write(JSON.stringify({ code, retryable, message }))
}
