import { constants } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connector } from 'tidemark'
import type { Place, Subject } from '../runner/case.ts'

const TIMES = 100

interface Counted {
  readonly connector: Connector
  reads: number
  writes: number
}

/** One value in a file, which every write replaces and syncs. */
function fileOf(path: string): Counted {
  const counted: Counted = {
    reads: 0,
    writes: 0,
    connector: {
      id: 'file',
      connect: async () => {},
      disconnect: async () => {},
      async read(queries) {
        counted.reads++
        const text = await readFile(path, 'utf8').catch(() => undefined)
        return queries.map(() => (text === undefined ? undefined : (JSON.parse(text) as unknown)))
      },
      async write(writes) {
        counted.writes++
        await using file = await open(`${path}.new`, 'w')
        await file.writeFile(JSON.stringify(writes.at(-1)!.value))
        await file.sync()
        await rename(`${path}.new`, path)
        await using folder = await open(join(path, '..'), constants.O_RDONLY)
        await folder.sync()
      },
    },
  }
  return counted
}

const QUERY = { key: ['list'], args: ['list'] } as const

/** Persistroids' headline: a hundred times, the list is read, a number appended, and the list written; and read once more. */
export async function fileIncrements(place: Place, how: 'direct' | 'buffered'): Promise<Subject> {
  const { buffered } = await import('tidemark')
  let files = 0
  let last: Counted | undefined
  const one = async (): Promise<void> => {
    const counted = (last = fileOf(join(place.folder, `${files++}.json`)))
    const list = await (how === 'direct' ? direct(counted.connector) : withBuffer(counted.connector))
    if (list.length !== TIMES) throw new Error(`the list has ${list.length} numbers`)
  }
  const withBuffer = async (connector: Connector): Promise<number[]> => {
    const buffer = await buffered(connector)
    for (let i = 0; i < TIMES; i++) await buffer.set('list', [...((await buffer.get<number[]>('list')) ?? []), i])
    const list = (await buffer.get<number[]>('list'))!
    await buffer.close()
    return list
  }
  return {
    async run(times) {
      for (let i = 0; i < times; i++) await one()
    },
    async check() {
      await one()
      const expected = how === 'direct' ? [TIMES + 1, TIMES] : [1, 1]
      const { reads, writes } = last!
      if (reads !== expected[0] || writes !== expected[1]) throw new Error(`${reads} reads and ${writes} writes`)
    },
    notes: async () => ({ reads: last!.reads, writes: last!.writes }),
    close: async () => {},
  }
}

async function direct(connector: Connector): Promise<number[]> {
  const read = async (): Promise<number[]> => ((await connector.read([QUERY]))[0] ?? []) as number[]
  for (let i = 0; i < TIMES; i++) {
    const value = [...(await read()), i]
    await connector.write([{ ...QUERY, value }], { token: `${i}`, fence: undefined, checkpoint: undefined })
  }
  return read()
}
