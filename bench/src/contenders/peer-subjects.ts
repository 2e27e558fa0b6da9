import type { Peer } from '@tidemark/bench-peers'
import type { Subject } from '../runner/case.ts'
import { itemOf } from '../workload/item.ts'
import { inLanes } from '../workload/lanes.ts'
import { readsOf } from '../workload/reads.ts'
import { writesOf } from '../workload/writes.ts'

const FILLING_LANES = 64

export interface PeerOptions {
  readonly items: number
  readonly lanes: number
  readonly keyOf: (number: number) => string
  /** Reads one item past every memory tier, to prove that writes get there. @default the peer itself */
  readonly readBack?: Peer | undefined
}

async function fill(peer: Peer, { items, keyOf }: PeerOptions): Promise<void> {
  let number = 0
  await inLanes(FILLING_LANES, items, async () => {
    const mine = number++
    await peer.set(keyOf(mine), itemOf(mine))
  })
}

/** A peer that is filled and then read. */
export async function peerReads(peer: Peer, options: PeerOptions): Promise<Subject> {
  await fill(peer, options)
  const { items, lanes, keyOf } = options
  return readsOf({ items, lanes, read: (number) => peer.get(keyOf(number)), close: () => peer.close() })
}

/** A peer that is filled and then written to. */
export async function peerWrites(peer: Peer, options: PeerOptions): Promise<Subject> {
  await fill(peer, options)
  const { items, lanes, keyOf, readBack = peer } = options
  return writesOf({
    items,
    lanes,
    write: (number, value) => peer.set(keyOf(number), value),
    readBack: (number) => readBack.get(keyOf(number)),
    async close() {
      await peer.close()
      if (readBack !== peer) await readBack.close()
    },
  })
}
