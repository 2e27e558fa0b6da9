// Persistroids' headline: read a list from a file, append a number, write the file; a hundred times, and read it once more.
import { buffered, type Connector, type Query } from 'tidemark'
import { FileConnector } from './connectors/file.ts'

const direct = new FileConnector('direct.json')
await append(direct)
console.log('direct:', { reads: direct.reads, writes: direct.writes })

const file = new FileConnector('buffered.json')
const lists = await buffered(file)
for (let i = 0; i < 100; i++) {
  const list = (await lists.get<number[]>('list')) ?? []
  await lists.set('list', [...list, i])
}
console.log(((await lists.get<number[]>('list')) ?? []).length)
await lists.close()
console.log('buffered:', { reads: file.reads, writes: file.writes })

/** Without a buffer. (The connector reads the file once more for each write, which is not counted.) */
async function append(connector: Connector): Promise<void> {
  const query: Query = { key: ['list'], args: ['list'] }
  for (let i = 0; i < 100; i++) {
    const [list = []] = (await connector.read([query])) as [number[]?]
    await connector.write([{ ...query, value: [...list, i] }], {
      token: `${i}`,
      fence: undefined,
      checkpoint: undefined,
    })
  }
  await connector.read([query])
}
