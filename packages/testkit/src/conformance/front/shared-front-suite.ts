import {
  type ApplyMode,
  type Fill,
  type Found,
  type Front,
  type FrontOutcome,
  type Key,
  type LogChange,
  type SharedFront,
  StoreKey,
  type TailStep,
} from '@tidemark/core'
import { onTestFinished } from 'vitest'
import { ShiftedClock } from '../../clocks/shifted-clock.ts'
import { eventually } from '../../waiting/eventually.ts'
import { type Followed, type FrontContext, HEAD } from './front-suite.ts'

/** An empty server that nobody else uses. */
export interface SharedFrontServer {
  /** A front over it, as another process has one. The suite closes it. */
  open(): SharedFront
  /** Makes it lose the record of one key (others may go with it), as it does for want of room. */
  evict(key: StoreKey): Promise<void>
  /** Makes it lose everything that it knows about its records, but not the records. */
  loseMeta(): Promise<void>
  /** Whether it refuses from now on to hold any more. */
  refuseMore(refuses: boolean): Promise<void>
}

export type StartServer = (context: FrontContext) => SharedFrontServer | Promise<SharedFrontServer>

/** A server, and fronts over it that have a session. */
export class ServerUnderTest {
  readonly server: SharedFrontServer
  readonly clock: ShiftedClock
  /** Started at HEAD. */
  readonly front: SharedFront

  constructor(server: SharedFrontServer, clock: ShiftedClock, front: SharedFront) {
    this.server = server
    this.clock = clock
    this.front = front
  }

  /** As another process. */
  another(): Promise<SharedFront> {
    return connected(this.server.open())
  }
}

export type StartShared = () => Promise<ServerUnderTest>

export async function startShared(start: StartServer): Promise<ServerUnderTest> {
  const clock = new ShiftedClock()
  const server = await start({ clock, head: HEAD })
  const front = await connected(server.open())
  await startAt(front, HEAD)
  return new ServerUnderTest(server, clock, front)
}

async function connected(front: SharedFront): Promise<SharedFront> {
  onTestFinished(() => front.close())
  await eventually('the front has a session', () => front.session !== undefined)
  return front
}

export function newEpoch(): string {
  return Math.floor(Math.random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
}

/** Starts anew, as who keeps the front in step does. */
export function startAt(front: SharedFront, head: number, mark = ''): Promise<boolean> {
  return front.initialize(() => Promise.resolve({ epoch: newEpoch(), head, mark }))
}

/** In the session that is under way. */
export async function valueIn(front: SharedFront, key: Key): Promise<unknown> {
  const [found] = await front.read([StoreKey.of(key)], front.session!)
  return found?.entry?.payload.decode()
}

const NO_SESSION = { server: '', epoch: undefined }

/**
 * A shared front as a front that is read in whatever session there is: what its records promise. It is cleared by a start
 * at the highest seq that it has heard of.
 */
export class SharedAsFront implements Front, Followed {
  readonly name: string
  readonly #shared: SharedFront
  #head = HEAD

  constructor(shared: SharedFront) {
    this.name = shared.name
    this.#shared = shared
  }

  read(keys: readonly StoreKey[]): Promise<readonly (Found | undefined)[]> {
    return this.#shared.read(keys, this.#shared.session ?? NO_SESSION)
  }

  apply(changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]> {
    this.#head = Math.max(this.#head, ...changes.map(({ seq }) => seq))
    return this.#shared.apply(changes, mode)
  }

  fill(fills: readonly Fill[]): Promise<readonly FrontOutcome[]> {
    this.#head = Math.max(this.#head, ...fills.map(({ asOf }) => asOf))
    return this.#shared.fill(fills)
  }

  async clear(): Promise<void> {
    await startAt(this.#shared, this.#head)
  }

  close(): Promise<void> {
    return this.#shared.close()
  }

  async watermark(): Promise<number> {
    return (await this.#shared.look()).watermark!
  }

  async tail(step: TailStep): Promise<number> {
    this.#head = Math.max(this.#head, step.to)
    return (await this.#shared.tail({ ...step, mark: '', tailer: 'suite' }))!
  }
}
