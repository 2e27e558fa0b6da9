// A connector of some fifty lines: values in one JSON file, which a flush replaces as a whole. After a crash the file is the old
// one or the new one; the token of the last flush, and the checkpoint, are in it with the values.
import { constants } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Connector, ConnectorWrite, FlushContext, Query } from '../../src/index.ts'

interface Content {
  readonly values: Record<string, unknown>
  readonly token?: string
  readonly checkpoint?: unknown
}

export class FileConnector implements Connector {
  readonly id: string
  readonly checkpoints: NonNullable<Connector['checkpoints']>
  /** How often the file was read and written. */
  reads = 0
  writes = 0
  readonly #path: string

  constructor(path: string) {
    this.id = `file ${path}`
    this.#path = path
    this.checkpoints = { last: async () => (await this.#content()).checkpoint }
  }

  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}

  async read(queries: readonly Query[]): Promise<readonly unknown[]> {
    this.reads++
    const { values } = await this.#content()
    return queries.map(({ key }) => values[JSON.stringify(key)])
  }

  async write(writes: readonly ConnectorWrite[], { token, checkpoint }: FlushContext): Promise<void> {
    this.writes++
    const content = await this.#content()
    if (content.token === token) return
    const values = { ...content.values }
    for (const { key, value } of writes) {
      if (value === undefined) delete values[JSON.stringify(key)]
      else values[JSON.stringify(key)] = value
    }
    await this.#replace({ values, token, checkpoint: checkpoint === undefined ? content.checkpoint : checkpoint.state })
  }

  async #content(): Promise<Content> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8')) as Content
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { values: {} }
      throw error
    }
  }

  /** Synced before it takes the place of the old one, and its name after that. */
  async #replace(content: Content): Promise<void> {
    const temporary = `${this.#path}.new`
    await using file = await open(temporary, 'w')
    await file.writeFile(JSON.stringify(content))
    await file.sync()
    await rename(temporary, this.#path)
    await using folder = await open(dirname(this.#path), constants.O_RDONLY)
    await folder.sync()
  }
}
