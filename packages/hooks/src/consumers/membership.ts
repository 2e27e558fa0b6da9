import type { Back, Lease, StoreKey } from '@tidemark/core'
import { memberKey, membersOf, partsOf } from './consumer-keys.ts'
import { decodeRecord, encodeRecord } from './record.ts'
import { scanMarks } from './scan-marks.ts'

export interface MembershipOptions {
  readonly back: Pick<Back, 'leases' | 'marks' | 'codec' | 'origin'>
  readonly name: string
  /** Of this member; nobody else's. */
  readonly id: string
  readonly leaseMs: number
}

/**
 * Who runs a consumer at present. Each member has a mark, by which it is found, and a lease, by which it is known to
 * be alive: whose lease has ended is none any more, and whoever sees that removes its mark.
 */
export class Membership {
  readonly #options: MembershipOptions
  readonly #key: StoreKey
  #lease: Lease | undefined
  #isMarked = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#key = memberKey(options.name, options.id)
  }

  /** Joins, or stays. @throws what the back tier throws */
  async renew(): Promise<void> {
    const { leases, marks, codec, origin } = this.#options.back
    const { leaseMs } = this.#options
    if (this.#lease === undefined || !(await leases.renew(this.#lease, leaseMs))) {
      this.#isMarked = false
      ;({ lease: this.#lease } = await leases.acquire(this.#key, leaseMs))
    }
    if (this.#isMarked || this.#lease === undefined) return
    await marks.write([{ key: this.#key, value: encodeRecord(codec, { origin }) }], { lease: this.#lease })
    this.#isMarked = true
  }

  /** The ids of all that are alive, this one included, in an order that is the same for everybody. */
  async members(): Promise<readonly string[]> {
    const { name, id, back } = this.#options
    const found = await findMembers(back, name)
    const gone = found.filter((member) => !member.isAlive && member.id !== id)
    if (gone.length > 0) await back.marks.write(gone.map(({ key }) => ({ key, value: undefined })))
    // Somebody took this one for dead, after a long pause: it has to be found again.
    if (!found.some((member) => member.id === id)) this.#isMarked = false
    const alive = found.filter(({ isAlive }) => isAlive).map((member) => member.id)
    return [...new Set([...alive, id])].toSorted()
  }

  async leave(): Promise<void> {
    const { leases, marks } = this.#options.back
    const lease = this.#lease
    this.#lease = undefined
    await marks.write([{ key: this.#key, value: undefined }])
    if (lease !== undefined) await leases.release(lease)
  }
}

export interface Member {
  readonly id: string
  /** Of the store that it works on; undefined: an earlier release runs there. */
  readonly origin: string | undefined
}

/** Who runs a consumer at present, as anybody can see it. */
export async function aliveMembers(back: Pick<Back, 'leases' | 'marks'>, name: string): Promise<readonly Member[]> {
  return (await findMembers(back, name)).filter(({ isAlive }) => isAlive)
}

interface FoundMember extends Member {
  readonly key: StoreKey
  readonly isAlive: boolean
}

async function findMembers(
  { leases, marks }: Pick<Back, 'leases' | 'marks'>,
  name: string,
): Promise<readonly FoundMember[]> {
  const found: Omit<FoundMember, 'isAlive'>[] = []
  for await (const { key, value } of scanMarks(marks, membersOf(name))) {
    const { origin } = decodeRecord<{ readonly origin?: string | undefined }>(key, value)
    found.push({ key, id: partsOf(key)[1] as string, origin })
  }
  const remaining = await leases.remaining(found.map(({ key }) => key))
  return found.map((member, i) => ({ ...member, isAlive: remaining[i]! > 0 }))
}

/** How many lanes are this member's: all of them together have each lane once. */
export function shareOf(lanes: number, members: readonly string[], id: string): number {
  const rank = members.indexOf(id)
  return Math.floor(lanes / members.length) + (rank < lanes % members.length ? 1 : 0)
}
