import { StoreKey, systemClock } from '@tidemark/core'
import type { Redis } from 'ioredis'
import { Batch, type BatchReply } from '../../src/batch.ts'
import { keyspaceOf } from '../../src/keyspace.ts'
import { Link } from '../../src/link.ts'
import { APPLY } from '../../src/scripts/apply.ts'
import { FILL } from '../../src/scripts/fill.ts'
import { ANNOUNCE, COMPLETE } from '../../src/scripts/init.ts'
import type { Script } from '../../src/scripts/script.ts'
import { TAIL } from '../../src/scripts/tail.ts'
import { runTail, type TailReply } from '../../src/tail-batch.ts'
import { change } from './changes.ts'
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

export interface BenchStep {
  readonly epoch: string
  readonly from: number
  readonly to: number
  readonly mark: string
  readonly tailer: string
  readonly changes: readonly Pick<BenchChange, 'id' | 'seq'>[]
}

export interface BenchAnnouncement {
  readonly nonce: string
  /** The epoch in which meta was found to need it. */
  readonly seen: string
  /** The nonce that the same front announced before. */
  readonly own: string
}

export interface BenchStart {
  readonly nonce: string
  readonly epoch: string
  readonly head: number
  readonly mark: string
}

const SCRIPTS = { apply: APPLY, fill: FILL, tail: TAIL, announce: ANNOUNCE, complete: COMPLETE }

export type Scripts = Readonly<Record<keyof typeof SCRIPTS, Script>>

const PX = 3_600_000

/** How long an announcement holds: longer than any test runs, so that only its own age counts. */
export const PATIENCE_MS = 3_600_000

/**
 * The scripts on a real server, without a front around them: what they answer, and what they leave behind. A call is sent
 * before it returns, so that several can travel together; see {@link ScriptBench.load}.
 */
export class ScriptBench {
  readonly client: Redis
  readonly keyspace = keyspaceOf('bench')
  readonly #link: Link
  readonly #scripts: Scripts

  constructor(client: Redis, scripts: Partial<Scripts> = {}) {
    this.client = client
    this.#scripts = { ...SCRIPTS, ...scripts }
    this.#link = new Link({
      client,
      tier: 'redis',
      address: 'bench',
      clock: systemClock,
      commandTimeoutMs: PATIENT_MS,
      onTimeout: () => {},
    })
  }

  /** Without it, a script that the server does not know yet is sent again, after what was sent behind it. */
  async load(): Promise<void> {
    for (const { source } of Object.values(this.#scripts)) await this.client.script('LOAD', source)
  }

  /** Meta as INIT leaves it. */
  async init(epoch: string, head: number): Promise<void> {
    await this.client.hset(this.keyspace.meta, { e: epoch, b: head, w: head })
  }

  apply(epoch: string, changes: readonly BenchChange[], mark = ''): Promise<BatchReply> {
    const batch = new Batch(this.keyspace.meta, epoch, changes.length, 2, [mark])
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

  tail({ epoch, changes, ...step }: BenchStep): Promise<TailReply> {
    const logged = changes.map(({ id, seq }) => change(seq, StoreKey.of(id), undefined))
    return runTail(this.#link, this.#scripts.tail, this.keyspace, epoch, { ...step, changes: logged })
  }

  /** @returns 1 or 0, or an epoch */
  async announce({ nonce, seen, own }: BenchAnnouncement): Promise<number | string> {
    const reply = await this.#link.run(this.#scripts.announce, [this.keyspace.meta], [nonce, seen, own, PATIENCE_MS])
    return typeof reply === 'number' ? reply : String(reply)
  }

  complete({ nonce, epoch, head, mark }: BenchStart): Promise<unknown> {
    return this.#link.run(this.#scripts.complete, [this.keyspace.meta], [nonce, epoch, String(head), mark])
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
