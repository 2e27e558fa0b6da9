import { setTimeout as sleep } from 'node:timers/promises'
import { Agreement } from '../checks/agreement.ts'
import { ReadCheck } from '../checks/read-check.ts'
import type { KnownPlace } from '../places/data-set.ts'
import { AliasSampler } from './alias-sampler.ts'
import { ChangeStream, type StreamedChange } from './change-stream.ts'
import { InstanceClient } from './client.ts'
import { ReaderVisit } from './reader-visit.ts'
import { Pace } from './pace.ts'
import { Session } from './session.ts'
import { Tally } from './tally.ts'
import { VirtualUser } from './virtual-user.ts'

export interface DriverOptions {
  /** Base URLs of the instances. */
  readonly urls: readonly string[]
  /** Of the instance without the file; undefined: there is none. */
  readonly readerUrl: string | undefined
  readonly places: readonly KnownPlace[]
  readonly connections: number
  readonly rate: number
  readonly edits: number
}

/** How long the streams may take to reach the head once nothing is written any more, in milliseconds. */
const DRAIN_WITHIN_MS = 10_000
const SETTLE_EVERY_MS = 500

/** Puts the fleet under load as its clients would, and listens to every instance's change stream meanwhile. */
export class Driver {
  readonly tally: Tally = new Tally()
  readonly reads: ReadCheck = new ReadCheck()
  readonly agreement: Agreement = new Agreement()
  readonly clients: readonly InstanceClient[]
  /** One of each instance. */
  readonly streams: readonly ChangeStream[]
  readonly reader: ReaderVisit | undefined
  readonly #options: DriverOptions
  readonly #drawPlace: () => number

  constructor(options: DriverOptions) {
    this.#options = options
    // Any user may be at any instance.
    this.clients = options.urls.map((url, i) => new InstanceClient(i + 1, url, options.connections))
    this.streams = options.urls.map(
      (_, i) =>
        new ChangeStream(
          `subscriber ${i + 1}`,
          () => this.#whereTo(i),
          (change) => this.#heard(change),
        ),
    )
    const { places, readerUrl } = options
    let sampler: AliasSampler | undefined
    this.#drawPlace = () => {
      sampler ??= new AliasSampler(places.map(({ place }) => Math.max(1, place.population)))
      return places[sampler.next()]!.id
    }
    this.reader =
      readerUrl === undefined
        ? undefined
        : new ReaderVisit({
            url: readerUrl,
            tally: this.tally,
            drawPlace: this.#drawPlace,
            onChange: ({ seq, key }) => this.agreement.heard(seq, JSON.stringify(key)),
          })
  }

  /** All that listen, the reader's among them. */
  get subscribers(): readonly ChangeStream[] {
    return this.reader === undefined ? this.streams : [...this.streams, this.reader.stream]
  }

  /** Resolves when every change from now on is being listened for. */
  async listen(): Promise<void> {
    const onFailure = (error: unknown): void => this.tally.failed((error as Error).message)
    await Promise.all(this.subscribers.map((stream) => stream.start(onFailure)))
  }

  /** Runs the load until `signal` aborts and the last answer is in. */
  async run(signal: AbortSignal): Promise<void> {
    const { connections, rate, edits } = this.#options
    const pace = new Pace(rate)
    // Microseconds since 1970, then counting: unique across runs, and within the safe integers.
    let rev = Date.now() * 1000
    const user = new VirtualUser({
      clients: this.clients,
      session: new Session(this.reads, this.agreement, this.tally),
      reads: this.reads,
      drawPlace: this.#drawPlace,
      nextRev: () => ++rev,
      edits,
    })
    const settling = setInterval(() => this.reads.settle(performance.now()), SETTLE_EVERY_MS)
    const use = async (): Promise<void> => {
      while (!signal.aborted) {
        await pace.turn(signal)
        if (signal.aborted) return
        this.tally.turns++
        await user.act()
      }
    }
    await Promise.all([...Array.from({ length: connections }, use), this.reader?.run(signal)])
    clearInterval(settling)
  }

  /** Resolves when every stream has got as far as `head`, or when that takes too long. */
  async drain(head: number): Promise<void> {
    const deadline = performance.now() + DRAIN_WITHIN_MS
    const isBehind = (stream: ChangeStream): boolean => stream.check.position < head
    while (this.subscribers.some(isBehind) && performance.now() < deadline) await sleep(10)
    this.reads.settle(Infinity)
  }

  async close(): Promise<void> {
    await Promise.all([
      ...this.streams.map((stream) => stream.close()),
      ...this.clients.map((client) => client.close()),
      this.reader?.close(),
    ])
  }

  /** While its instance is away, a subscriber goes on at the next one: a token is good anywhere. */
  #whereTo(i: number): string | undefined {
    const { clients } = this
    return [...clients.slice(i), ...clients.slice(0, i)].find(({ isUp }) => isUp)?.url
  }

  #heard({ seq, op, key }: StreamedChange): void {
    this.agreement.heard(seq, JSON.stringify(key))
    const [kind, id] = key
    if (op !== 'set' && kind === 'place') this.reads.deleted(Number(id), seq)
  }
}
