// Persistroids' session: a number is read, incremented and written, again and again. It is read once from where it is persisted,
// and written there once.
import { buffered } from 'tidemark'
import { FileConnector } from './connectors/file.ts'

const numbers = await buffered(new FileConnector('numbers.json'))

for (let i = 0; i < 3; i++) {
  const value = (await numbers.get<number>('key')) ?? 0
  await numbers.set('key', value + 1)
  console.log(value + 1)
}

const { total } = await numbers.close()
console.log(total)
