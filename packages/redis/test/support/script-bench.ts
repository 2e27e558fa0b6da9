import { systemClock } from '@tidemark/core'
import type { Redis } from 'ioredis'
import { Batch, type BatchReply } from '../../src/batch.ts'
import { keyspaceOf } from '../../src/keyspace.ts'
import { Link } from '../../src/link.ts'
import { APPLY } from '../../src/scripts/apply.ts'
import { FILL } from '../../src/scripts/fill.ts'
import type { Script } from '../../src/scripts/script.ts'
import { PATIENT_MS } from './fronts.ts'

export interface BenchChange {
  readonly id: string
  readonly seq: number
  /** undefined: nothing to install. */
  readonly value: string | undefined
}

export interface BenchFill {
  readonly id: string
  readonly version: number
  readonly asOf: number
  readonly value: string
}

export interface Scripts {
  readonly apply: Script
  readonly fill: Script
}

const PX = 3_600_000

/** The scripts on a real server, without a front around them: what they answer, and what they leave behind. */
export class ScriptBench {
  readonly client: Redis
  readonly keyspace = keyspaceOf('bench')
  readonly #link: Link
  readonly #scripts: Scripts

  constructor(client: Redis, scripts: Scripts = { apply: APPLY, fill: FILL }) {
    this.client = client
    this.#scripts = scripts
    this.#link = new Link({
      client,
      tier: 'redis',
      address: 'bench',
      clock: systemClock,
      commandTimeoutMs: PATIENT_MS,
      onTimeout: () => {},
    })
  }

  /** Meta as INIT leaves it. */
  async init(epoch: string, head: number): Promise<void> {
    await this.client.hset(this.keyspace.meta, { e: epoch, b: head, w: head })
  }

  apply(epoch: string, changes: readonly BenchChange[]): Promise<BatchReply> {
    const batch = new Batch(this.keyspace.meta, epoch, changes.length, 2)
    for (const { id, seq, value } of changes) {
      const record = value === undefined ? undefined : recordOf('V', epoch, seq, value)
      batch.add(this.name(id), id, [seq, record === undefined ? 0 : PX], record)
    }
    return batch.run(this.#link, this.#scripts.apply)
  }

  fill(epoch: string, fills: readonly BenchFill[]): Promise<BatchReply> {
    const batch = new Batch(this.keyspace.meta, epoch, fills.length, 3)
    for (const { id, version, asOf, value } of fills) {
      batch.add(this.name(id), id, [version, asOf, PX], recordOf('V', epoch, version, value))
    }
    return batch.run(this.#link, this.#scripts.fill)
  }

  name(id: string): string {
    return this.keyspace.prefix + id
  }

  /** What the record says after its header, and its version; undefined: no record. */
  async record(id: string): Promise<{ readonly version: number; readonly value: string } | undefined> {
    const text = await this.client.get(this.name(id))
    return text === null ? undefined : { version: Number(text.slice(10, 26)), value: text.slice(26) }
  }

  /** As a full memory or an end of lifetime does. */
  async evict(id: string): Promise<void> {
    await this.client.del(this.name(id))
  }

  meta(): Promise<Record<string, string>> {
    return this.client.hgetall(this.keyspace.meta)
  }
}

export function recordOf(kind: 'V' | 'N', epoch: string, version: number, value: string): Buffer {
  return Buffer.from(`${kind}0${epoch}${String(version).padStart(16, '0')}${value}`, 'latin1')
}
