// A connector of some fifty lines: values in one JSON file, which a flush replaces as a whole. After a crash the file is the old
// one or the new one; the token of the last flush, and the checkpoint, are in it with the values. The codec writes what JSON does
// not know, a Date say, so that it comes back as it was.
import { constants } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Connector, type ConnectorWrite, createJsonCodec, type FlushContext, type Query } from 'tidemark'

interface Content {
  readonly values: Record<string, unknown>
  readonly token?: string
  readonly checkpoint?: unknown
}

const codec = createJsonCodec()

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
    return queries.map(({ key }) => values[textOf(key)])
  }

  async write(writes: readonly ConnectorWrite[], { token, checkpoint }: FlushContext): Promise<void> {
    this.writes++
    const content = await this.#content()
    if (content.token === token) return
    const values = { ...content.values }
    for (const { key, value } of writes) {
      if (value === undefined) delete values[textOf(key)]
      else values[textOf(key)] = value
    }
    await this.#replace({ ...content, values, token, ...(checkpoint && { checkpoint: checkpoint.state }) })
  }

  async #content(): Promise<Content> {
    try {
      return codec.decode(await readFile(this.#path)) as Content
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { values: {} }
      throw error
    }
  }

  /** Synced before it takes the place of the old one, and its name after that. */
  async #replace(content: Content): Promise<void> {
    const temporary = `${this.#path}.new`
    await using file = await open(temporary, 'w')
    await file.writeFile(codec.encode(content))
    await file.sync()
    await rename(temporary, this.#path)
    await using folder = await open(dirname(this.#path), constants.O_RDONLY)
    await folder.sync()
  }
}

/** `["order",1]`; also of a part that JSON does not know, a bigint say. */
function textOf(key: Query['key']): string {
  return new TextDecoder().decode(codec.encode(key))
}
