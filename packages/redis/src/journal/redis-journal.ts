import { ClosedError, type JournalRow, type SharedJournal, TidemarkError } from '@tidemark/core'
import { keyspaceOf } from '../keyspace.ts'
import type { Link } from '../link.ts'
import { type RedisClientOptions, resolveClientOptions } from '../options.ts'
import { PatientConnection } from '../relay/patient-connection.ts'
import { defineScript, type Script } from '../scripts/script.ts'

/** Rows per page of a reading. */
const PAGE = 100
/** For how long a sealed journal refuses: a process that was stopped for longer must not find it open. */
const SEALED_MS = 7 * 86_400_000

/** `KEYS` the stream and its seal; `ARGV` the row, its bytes. */
const APPEND: Script = defineScript(`
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('XADD', KEYS[1], ARGV[1], 'w', ARGV[2])
return 1
`)

/**
 * Journals in Redis, on a connection of their own, which is made when it is first needed: a stream each, in which the id of an
 * entry is its row. They have no time to live, so that only a server that evicts everything evicts them.
 * @throws TypeError or RangeError for a wrong option.
 */
export function createRedisJournal(options: RedisClientOptions): SharedJournal {
  const client = resolveClientOptions(options)
  const { name, commandTimeoutMs } = client
  let connection: PatientConnection | undefined
  let isClosed = false
  const { journals } = keyspaceOf(client.namespace)
  const streamOf = (journal: string): string => `${journals}${journal}`
  const sealOf = (journal: string): string => `${journals}${journal}:sealed`

  async function link(): Promise<Link> {
    if (isClosed) throw new ClosedError(`the journal "${name}"`)
    connection ??= new PatientConnection(client, 'tidemark-journal')
    const up = await connection.up(commandTimeoutMs)
    if (up !== undefined) return up
    if (connection.state === 'closed') throw new ClosedError(`the journal "${name}"`)
    const message = `the journal "${name}" at ${connection.address} cannot be reached`
    throw new TidemarkError('FRONT_UNAVAILABLE', message, { tier: name, retryable: true })
  }

  return {
    name,
    async append(journal, { row, bytes }) {
      const taken = await (
        await link()
      ).run(APPEND, [streamOf(journal), sealOf(journal)], [`${row}-0`, Buffer.from(bytes)])
      if (Number(taken) === 1) return
      throw new TidemarkError('LEASE_LOST', `the journal ${journal} is being recovered by somebody else`, {
        tier: name,
      })
    },
    async seal(journal) {
      await (await link()).call('SET', [sealOf(journal), '1', 'PX', SEALED_MS])
    },
    async unseal(journal) {
      await (await link()).call('DEL', [sealOf(journal)])
    },
    async read(journal, after) {
      const rows: JournalRow[] = []
      for (;;) {
        const from = `(${rows.at(-1)?.row ?? after}-0`
        const page = (await (await link()).call('XRANGE', [streamOf(journal), from, '+', 'COUNT', PAGE])) as Entry[]
        rows.push(...page.map(toRow))
        if (page.length < PAGE) return rows
      }
    },
    async trim(journal, upTo) {
      await (await link()).call('XTRIM', [streamOf(journal), 'MINID', `${upTo + 1}-0`])
    },
    async drop(journal) {
      await (await link()).call('UNLINK', [streamOf(journal)])
    },
    async close() {
      isClosed = true
      await connection?.close()
    },
  }
}

type Entry = readonly [id: Buffer, fields: readonly Buffer[]]

function toRow([id, fields]: Entry): JournalRow {
  return { row: Number(id.toString('latin1').split('-')[0]), bytes: new Uint8Array(fields[1]!) }
}
