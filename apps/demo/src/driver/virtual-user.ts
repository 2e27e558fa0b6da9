import type { ReadCheck } from '../checks/read-check.ts'
import type { InstanceClient } from './client.ts'
import { type Session, UNKNOWN } from './session.ts'

export interface Surroundings {
  readonly clients: readonly InstanceClient[]
  readonly session: Session
  readonly reads: ReadCheck
  /** The id of a place, in proportion to population. */
  readonly drawPlace: () => number
  /** A number that was never returned before, in this run or an earlier one. */
  readonly nextRev: () => number
  /** The part of the requests that are edits. */
  readonly edits: number
}

/** Ids of places that exist only for a moment; those of the data set are smaller. */
const NEWCOMER_BASE = 1_000_000_000_000

/** Someone who mostly looks places up, and sometimes edits one; each time at any of the instances. */
export class VirtualUser {
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  async act(): Promise<void> {
    const { session, edits, drawPlace } = this.#around
    if (Math.random() >= edits) {
      await session.read(this.#anyone(), drawPlace())
      return
    }
    const kind = Math.random()
    if (kind < 0.7) await this.#correct(drawPlace())
    else if (kind < 0.95) await this.#replace(drawPlace())
    else await this.#comeAndGo()
  }

  /** A patch, then a look at what another instance makes of it. */
  async #correct(id: number): Promise<void> {
    const { session, nextRev } = this.#around
    const population = Math.floor(Math.random() * 1e7)
    const reply = await session.write(this.#anyone(), 'PATCH', id, { population, rev: nextRev() })
    if (reply !== undefined && reply !== UNKNOWN) await session.read(this.#anyone(), id)
  }

  /** Read, change, write back if nobody else did meanwhile; else once more from the beginning. */
  async #replace(id: number): Promise<void> {
    const { session, nextRev } = this.#around
    for (let attempt = 0; attempt < 3; attempt++) {
      const found = await session.read(this.#anyone(), id)
      if (found?.status !== 200) return
      const population = Math.max(0, Number(found.body?.['population']) + 1)
      const place = { ...found.body, population, rev: nextRev() }
      const reply = await session.write(this.#anyone(), 'PUT', id, place, { 'if-match': `"${found.version}"` })
      if (reply === undefined || reply === UNKNOWN) continue
      await session.read(this.#anyone(), id)
      return
    }
  }

  /** A place is founded, seen, given up, and must not be seen again. Nobody else knows of it. */
  async #comeAndGo(): Promise<void> {
    const { session, reads, nextRev } = this.#around
    const rev = nextRev()
    const id = NEWCOMER_BASE + (rev % NEWCOMER_BASE)
    const place = { name: 'Newcomer', country: 'ZZ', population: 1, loc: { lat: 0, lon: 0 }, rev }
    const founded = await session.write(this.#anyone(), 'PUT', id, place, { 'if-none-match': '*' })
    if (founded === undefined) return
    if (founded !== UNKNOWN) await session.read(this.#anyone(), id)
    if (!(await this.#giveUp(id, founded === UNKNOWN))) return
    reads.forget(id)
    const client = this.#anyone()
    const found = await session.read(client, id)
    if (found?.status === 200) reads.resurrected(client.instance)
  }

  /** Through another instance, if the one that was asked is killed before it answers. */
  async #giveUp(id: number, isPerhapsGone: boolean): Promise<boolean> {
    const outcome = await this.#around.session.delete(this.#anyone(), id, isPerhapsGone)
    return outcome === UNKNOWN ? this.#giveUp(id, true) : outcome
  }

  #anyone(): InstanceClient {
    const clients = this.#around.clients.filter(({ isUp }) => isUp)
    return clients[Math.floor(Math.random() * clients.length)]!
  }
}
