import { fill } from '../scripts/fill.ts'
import { readBack } from '../state/back.ts'
import type { PendingFill, Reader } from '../state/processes.ts'
import { isReady, type Server } from '../state/server.ts'
import { withReader, withServer } from '../state/state.ts'
import type { Actor, World } from '../world.ts'
import { isServed } from './certificate.ts'
import { destinations } from './connection.ts'

/** Reads what the front does not serve from the back tier, and offers it to the front: at any time later. */
export const read: Actor = (state, world, emit) => {
  const { scenario, flaw } = world
  state.readers.forEach((reader, i) => {
    const { at, fill: pending } = reader
    const server = state.servers[at]
    if (pending === undefined && server !== undefined) {
      for (let key = 0; key < scenario.keys; key++) {
        if (isServed(reader, server, key, world)) continue
        const answer = readBack(state.back, key, scenario.bornAbsent)
        const readIn = state.back.history
        const next: PendingFill = { ...answer, key, epoch: epochOf(server), readIn, lease: leaseOf(server, key, world) }
        emit(`R${i} reads k${key} below: ${named(next)}`, withReader(state, i, { fill: next }))
      }
    }
    if (pending !== undefined && server !== undefined) {
      // The epoch that it knows is that of its read, or one that it has learned since.
      const learned = pending.readIn === state.back.history ? [server.epoch] : []
      for (const epoch of new Set([pending.epoch, ...learned])) {
        const suffix = epoch === server.epoch ? '' : `, in epoch ${epoch}`
        const next = withServer(state, at, fill(server, pending, epoch, world))
        emit(
          `R${i} fills k${pending.key} ${named(pending)} at S${at}${suffix}`,
          withReader(next, i, { fill: undefined }),
        )
      }
    }
    for (const to of destinations(state, world, at)) {
      emit(
        `R${i} reconnects to S${to}`,
        withReader(state, i, reconnected(reader, to, state.back.agreement.server, flaw)),
      )
    }
  })
}

function epochOf(server: Server): number {
  return isReady(server) ? server.epoch : 0
}

function leaseOf({ executed }: Server, key: number, { flaw }: World): number {
  return flaw === 'leases-instead-of-fences' ? executed[key]! : 0
}

function reconnected({ certificate }: Reader, at: number, agreed: number, flaw: World['flaw']): Partial<Reader> {
  return {
    at,
    mayClaim: at !== agreed,
    certificate: flaw === 'certificate-survives-reconnect' ? certificate : undefined,
    fill: undefined,
  }
}

function named({ version, absent, asOf }: Pick<PendingFill, 'version' | 'absent' | 'asOf'>): string {
  return `${absent ? 'absent' : `v${version}`} as of ${asOf}`
}
