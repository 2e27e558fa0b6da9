import {
  assertKnown,
  type Back,
  callback,
  ClosedError,
  type Clock,
  type Codec,
  codecOption,
  type Commit,
  type Compaction,
  duration,
  type Found,
  type FrontAgreements,
  isExpired,
  type KeyPage,
  type Leases,
  type Log,
  type LogChange,
  type Marks,
  type ReadOptions,
  type Renewal,
  type ScanPage,
  type StoreKey,
  tagOfKey,
  TidemarkError,
} from '@tidemark/core'
import { type Keyspace, keyspaceOf } from '../keyspace.ts'
import { META_FIELDS, readMeta } from '../meta.ts'
import { CLIENT_OPTIONS, type RedisClientOptions, type ResolvedClientOptions, resolveClient } from '../options.ts'
import { type RawRecords, readRecords } from '../read-records.ts'
import { PatientConnection } from '../relay/patient-connection.ts'
import { openRedisStreamLog, type RedisStreamLog } from '../relay/redis-stream-log.ts'
import { ObservedLog } from './observed-log.ts'
import { StreamedChanges } from './streamed-changes.ts'
import { readTags, tagAnswer } from './tag-epochs.ts'

export interface RedisReaderOptions extends RedisClientOptions {
  /** As of the store that writes. */
  readonly codec: Codec
  /** How long opening waits for a server, and a stream, that are not there. @default 10_000 */
  readonly patienceMs?: number | undefined
  /** The longest that a read waits for its answer. @default 1000 */
  readonly commandTimeoutMs?: number | undefined
  /** Gets what the stream fails with, other than outages. */
  readonly onError: (error: unknown) => void
}

/**
 * What a process sees of a store whose file it cannot open: the records of the shared front, and the log as a relay copies
 * it. Read-only. An answer with `until: 0` is none: Redis does not hold the key, which says nothing about whether it exists.
 *
 * A record is believed as far as the stream of changes has been followed here: nothing that it has shown to be replaced is
 * answered any more. What was committed and has not reached the stream yet, a few milliseconds while a relay runs, may be
 * missed.
 */
export interface RedisReader extends Back {
  /** The seq up to which the stream has been followed here. */
  readonly position: number
}

const OPTIONS: readonly string[] = [...CLIENT_OPTIONS, 'codec', 'patienceMs', 'onError']
const NO_OPTIONS: readonly string[] = Object.freeze([])

/**
 * @throws TypeError or RangeError for a wrong option; TidemarkError FRONT_UNAVAILABLE when there is no stream within
 * `patienceMs`.
 */
export async function openRedisReader(options: RedisReaderOptions): Promise<RedisReader> {
  assertKnown(options, OPTIONS, 'openRedisReader')
  const { onError, patienceMs = 10_000, ...stream } = options
  callback('option onError', onError)
  duration('option patienceMs', patienceMs)
  const codec = codecOption(options.codec)
  const log = await openRedisStreamLog({ ...stream, patienceMs })
  const client = resolveClient({ commandTimeoutMs: 1_000, ...options })
  try {
    return new Reader(log, await log.head(), { client, codec, onError })
  } catch (error) {
    await log.close()
    throw error
  }
}

interface Reading {
  readonly client: ResolvedClientOptions
  readonly codec: Codec
  readonly onError: (error: unknown) => void
}

class Reader implements RedisReader {
  readonly name: string
  readonly codec: Codec
  readonly origin = 'reader'
  readonly log: Log
  readonly readOptions: readonly string[] = ['consistency'] satisfies (keyof ReadOptions)[]
  readonly writeOptions: readonly string[] = NO_OPTIONS
  readonly agreements: FrontAgreements
  readonly leases: Leases
  readonly marks: Marks
  readonly compaction: Compaction
  readonly renewal: Renewal
  readonly sync = undefined
  readonly #clock: Clock
  readonly #waitMs: number
  readonly #names: Keyspace
  readonly #connection: PatientConnection
  readonly #stream: RedisStreamLog
  readonly #changes: StreamedChanges
  #closing: Promise<void> | undefined

  constructor(log: RedisStreamLog, head: number, { client, codec, onError }: Reading) {
    this.name = client.name
    this.codec = codec
    this.#stream = log
    this.#clock = client.clock
    this.#waitMs = client.commandTimeoutMs
    this.#names = keyspaceOf(client.namespace)
    this.#connection = new PatientConnection(client, 'tidemark-reader')
    this.#changes = new StreamedChanges(head, { log, clock: client.clock, onError })
    this.log = new ObservedLog(log, (changes) => this.#changes.observe(changes))
    const refuse = (): Promise<never> => Promise.reject(readOnly(this.name))
    this.agreements = { sample: refuse, change: refuse }
    this.leases = { acquire: refuse, remaining: refuse, renew: refuse, release: refuse, endRange: refuse }
    this.marks = { read: refuse, scan: refuse, write: refuse }
    this.compaction = { compact: refuse, sizeOf: refuse, reclaim: refuse }
    this.renewal = { renew: refuse }
  }

  get position(): number {
    return this.#changes.position
  }

  async readOne(key: StoreKey, options?: ReadOptions): Promise<Found> {
    return (await this.read([key], options))[0]!
  }

  async read(keys: readonly StoreKey[], options?: ReadOptions): Promise<readonly Found[]> {
    if (this.#closing !== undefined) throw new ClosedError('the reader')
    if (options?.consistency === 'linearizable') throw needsFile(this.name, 'a log, a blob, or a linearizable read')
    const streamed = keys.map((key) => this.#streamed(key))
    const asked = keys.filter((_, i) => streamed[i] === undefined)
    if (asked.length === 0) return streamed as readonly Found[]
    const records = new Map(zip(asked, await this.#records(asked)))
    // What came by the stream while Redis was asked is newer.
    return keys.map((key, i) => this.#streamed(key) ?? streamed[i] ?? records.get(key) ?? this.#nothing())
  }

  commit(): Promise<Commit> {
    return Promise.reject(readOnly(this.name))
  }

  expire(): Promise<Commit> {
    return this.commit()
  }

  restored(): Promise<void> {
    return Promise.reject(readOnly(this.name))
  }

  scan(): Promise<ScanPage> {
    return Promise.reject(needsFile(this.name, 'listing keys'))
  }

  scanKeys(): Promise<KeyPage> {
    return Promise.reject(needsFile(this.name, 'listing keys'))
  }

  count(): Promise<number> {
    return Promise.reject(needsFile(this.name, 'counting keys'))
  }

  /** Nothing is ever committed here. */
  onCommit(): () => void {
    return () => {}
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    await Promise.all([this.#changes.close(), this.#connection.close(), this.#stream.close()])
  }

  /** What the stream has told of the key; undefined: nothing, or that there is a value too large to travel. */
  #streamed(key: StoreKey): Found | undefined {
    const change = this.#changes.get(key.id)
    if (change === undefined || !this.#changes.isConfirmed) return undefined
    if (change.leftOut === true) {
      const noted = tagOfKey(key) === undefined ? undefined : { seq: change.seq, isExact: true }
      return tagAnswer(key, undefined, noted, this.codec, this.name)
    }
    const entry = entryOf(change)
    const live = entry !== undefined && !isExpired(entry, this.#clock.now()) ? entry : undefined
    return { entry: live, asOf: change.seq, until: live?.expiresAt ?? Infinity, tier: this.name }
  }

  /** Those records that are new enough for what the stream has told until the answer is there. */
  async #records(keys: readonly StoreKey[]): Promise<readonly (Found | undefined)[]> {
    const link = await this.#connection.up(this.#waitMs)
    if (link === undefined) throw unreachable(this.name, this.#connection.address)
    // Meta first: a record that is of this epoch, and as new as this watermark says, then is so now.
    const tagKeys = keys.filter((key) => tagOfKey(key) !== undefined)
    const [fields, raw, tags] = await Promise.all([
      link.call('HMGET', [this.#names.meta, ...META_FIELDS]),
      readRecords(link, this.#names, keys),
      readTags(link, this.#names, this.#changes.isConfirmed ? tagKeys : [], () => this.#changes.floor),
    ])
    const believed = this.#believed(keys, fields, raw)
    return believed.map((record, i) => tagAnswer(keys[i]!, record, tags.get(keys[i]!.id), this.codec, this.name))
  }

  /** What of the records is as new as what the stream has told. */
  #believed(keys: readonly StoreKey[], meta: unknown, raw: RawRecords): readonly (Found | undefined)[] {
    const { epoch, watermark = -1 } = readMeta(meta)
    if (epoch === undefined || watermark < this.#changes.floor) return keys.map(() => undefined)
    const { answers } = raw.decode({
      epoch: Buffer.from(epoch, 'latin1'),
      codec: this.codec,
      now: this.#clock.now(),
      tier: this.name,
    })
    return answers.map((found, i) => {
      const known = this.#changes.get(keys[i]!.id)
      return found !== undefined && known !== undefined && found.asOf < known.seq ? undefined : found
    })
  }

  #nothing(): Found {
    return { entry: undefined, asOf: 0, until: 0, tier: this.name }
  }
}

function entryOf({ key, seq, op, payload, at, expiresAt, meta }: LogChange): Found['entry'] {
  if (op !== 'set' || payload === undefined) return undefined
  return { key, version: seq, payload, writtenAt: at, expiresAt, meta }
}

function zip<A, B>(left: readonly A[], right: readonly B[]): [A, B][] {
  return left.map((each, i) => [each, right[i]!])
}

function readOnly(tier: string): TidemarkError {
  return new TidemarkError(
    'READ_ONLY',
    'this store was opened over Redis alone, and the truth is in the file: write in an instance that has the file, for instance behind an endpoint of yours',
    { tier },
  )
}

function needsFile(tier: string, what: string): TidemarkError {
  return new TidemarkError(
    'NEEDS_FILE',
    `${what} needs the file, and this store was opened over Redis alone; ask an instance with the file, for instance behind an endpoint of yours`,
    { tier },
  )
}

function unreachable(tier: string, address: string): TidemarkError {
  return new TidemarkError('FRONT_UNAVAILABLE', `Redis at ${address} cannot be reached; start it, or correct the url`, {
    retryable: true,
    tier,
  })
}
