import { TidemarkError } from '@tidemark/core'
import { laneKey, parkedKey, requestKey } from './consumer-keys.ts'
import { laneMarkWrite, readLaneMarks } from './lane-mark.ts'
import { stillParked } from './parked-places.ts'
import { assertRegistered, type ConsumerBack, type Registration } from './registration.ts'

/** Long enough for a few statements; a process that dies during them keeps nobody waiting for longer. */
const LEASE_MS = 5_000

/**
 * Drops parked changes of a lane, when it has no owner: as its owner, for as long as that takes. What is stored of a lane is
 * written by the holder of its lease and by nobody else, so that its count of parked changes always is the one of their
 * marks. All else stays as the last owner has left it: its place, and what it may have had in hand.
 * @returns false: somebody has the lane, and is to be asked
 * @throws TidemarkError CONSUMER_DROPPED; what the back tier throws
 */
export async function dropInFreeLane(
  back: ConsumerBack,
  { name, registration }: { readonly name: string; readonly registration: Registration },
  lane: number,
  seqs: readonly number[],
): Promise<boolean> {
  const { leases, marks, codec } = back
  const key = laneKey(name, lane)
  // A look costs others nothing, and mostly tells.
  if ((await leases.remaining([key]))[0] !== 0) return false
  const { lease } = await leases.acquire(key, LEASE_MS)
  if (lease === undefined) return false
  try {
    // Under the lease: whoever drops the consumer ends it after the registration is gone.
    await assertRegistered(back, name, registration)
    const [mark] = await readLaneMarks(marks, name, [lane])
    const there = await stillParked(
      back,
      name,
      seqs.map((seq) => ({ lane, seq })),
    )
    const parked = (mark?.parked ?? 0) - there.length
    await marks.write(
      [
        ...(mark === undefined ? [] : [laneMarkWrite(codec, name, lane, { ...mark, parked, owner: undefined })]),
        ...seqs.map((seq) => ({ key: parkedKey(name, lane, seq), value: undefined })),
        ...seqs.map((seq) => ({ key: requestKey(name, lane, seq), value: undefined })),
      ],
      { lease },
    )
    return true
  } catch (error) {
    // Held up for longer than the lease: nothing was written, and somebody else may have the lane.
    if (error instanceof TidemarkError && error.code === 'LEASE_LOST') return false
    throw error
  } finally {
    await leases.release(lease)
  }
}
